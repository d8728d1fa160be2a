import { uuid } from "vitrine/uuid.js";

/** @typedef {import("vitrine/feed/shapes.d.ts").Video} Video */
/** @typedef {(event: string, properties: Record<string, unknown>, now?: boolean) => void} Tell */

const IMPRESSION_MILLISECONDS = 1000;
const SKIP_MILLISECONDS = 2000;
const PLAYING_EVERY_SECONDS = 10;
const JUMP_SECONDS = 2;

/**
 * One viewing of one video: turns the player's clock into the events of a viewing, each at most once.
 * Times are milliseconds of any steady clock; positions are seconds of the video.
 */
export class Watch {
  /** @param {Video} video @param {number} place in the feed, from 0 @param {number} now @param {Tell} tell */
  constructor(video, place, now, tell) {
    this.video = video;
    this.place = place;
    this.since = now;
    this.tell = tell;
    this.impression = uuid();
    this.started = false;
    this.completed = 0;
    this.exited = false;
    /** Milliseconds in which it moved, and the position when it was last seen to. */
    this.watched = 0;
    this.last = 0;
    this.next = [0.25, 0.5, 0.75].map((share) => share * video.duration);
    for (let at = PLAYING_EVERY_SECONDS; at < video.duration; at += PLAYING_EVERY_SECONDS) this.next.push(at);
    this.next.sort((a, b) => a - b);
  }

  /** What every event of this viewing says. @param {Record<string, unknown>} [more] */
  properties(more = {}) {
    const { id, duration, product } = this.video;
    return {
      impression_id: this.impression,
      video_id: id,
      product_id: product.id,
      place: this.place,
      total_length: duration,
      ...more,
    };
  }

  /** It has been in view until now. @param {number} now */
  seen(now) {
    if (this.started || now - this.since < IMPRESSION_MILLISECONDS) return;
    this.started = true;
    this.tell("Video Content Started", this.properties({ position: 0 }));
  }

  /** The player is at `position`. @param {number} position @param {number} now */
  at(position, now) {
    this.seen(now);
    const moved = position - this.last;
    // A jump is a seek or a new beginning, not something that was watched.
    if (moved > 0 && moved < JUMP_SECONDS) this.watched += moved * 1000;
    this.last = position;
    if (this.completed || this.next.length === 0 || position < this.next[0]) return;
    while (this.next.length > 0 && position >= this.next[0]) this.next.shift();
    this.tell("Video Content Playing", this.properties({ position: Math.round(position * 10) / 10 }));
  }

  /** It came to its end. @param {number} now */
  ended(now) {
    this.seen(Math.max(now, this.since + IMPRESSION_MILLISECONDS));
    this.completed += 1;
    if (this.completed === 2) this.tell("Video Rewatched", this.properties({ loops: this.completed }));
    if (this.completed > 1) return;
    this.tell("Video Content Completed", this.properties({ position: this.video.duration, loops: 1 }), true);
  }

  /**
   * The viewer went on to another video, or away: how long it was watched, said once.
   * @param {number} now @param {number} pace videos a minute
   */
  exit(now, pace) {
    if (!this.started || this.exited) return;
    this.exited = true;
    const dwell_ms = Math.round(now - this.since);
    this.tell("Video Playback Exited", this.properties({ watched_ms: Math.round(this.watched), dwell_ms, loops: this.completed, pace }));
  }

  /** The viewer went on to another video. @param {number} now @param {number} position */
  left(now, position) {
    if (this.completed || now - this.since >= SKIP_MILLISECONDS) return;
    this.tell("Video Skipped", this.properties({ position: Math.round(position * 10) / 10 }), true);
  }
}
