import { Course } from "vitrine/live/course.js";
import { Hls } from "vitrine/live/hls.js";
import { Refused } from "vitrine/live/signalling.js";
import { Whep } from "vitrine/live/whep.js";

/** @typedef {"connecting" | "playing" | "stalled" | "nobody" | "full" | "over" | "failed"} PlayerState */
/** @typedef {import("vitrine/live/course.js").Way} Way */
/** @typedef {Whep | Hls} Source */

/**
 * @typedef {object} Hearer
 * @property {(picture: HTMLVideoElement | null) => void} show this picture is the one to be seen from now on; null: none
 * @property {(state: PlayerState, sentence: string) => void} state
 * @property {() => void} [looked] the figures are fresh
 */

const LOOK_MILLISECONDS = 500;
const COVER_MILLISECONDS = 200;

/**
 * Plays a room and keeps its picture: by WebRTC, else as a file in pieces, and back again. What is on screen stays there
 * until the next source has a picture, which plays in the other of two video elements until then.
 */
export class Player {
  /**
   * @param {{whep: string, hls: string}} urls `hls` is empty where there is none
   * @param {[HTMLVideoElement, HTMLVideoElement]} pictures
   * @param {Hearer} hearer
   */
  constructor(urls, pictures, hearer) {
    this.urls = urls;
    this.pictures = pictures;
    this.hearer = hearer;
    this.course = new Course(urls.hls !== "");
    /** @type {Source | null} */
    this.shown = null;
    /** @type {Source | null} */
    this.coming = null;
    /** What the server gave with our session, to take its place. */
    this.resume = "";
    /** Somebody publishes, so a picture should come. */
    this.expected = true;
    /** The viewer is back in the show, not at its live end. */
    this.behind = false;
    /** @type {number | undefined} */
    this.timer = undefined;
    /** What the timer waits for. */
    this.next = /** @type {Way} */ ("whep");
    /** Where in the show the viewer wants to be, in seconds. */
    this.at = 0;
    /** What the server said last, in seconds. */
    this.retryAfter = 0;
    /** What was on screen until just now. */
    this.leaving = /** @type {Source | null} */ (null);
    /** @type {number | undefined} */
    this.watch = undefined;
    this.looking = false;
    this.stopped = true;
    /** @type {PlayerState | ""} */
    this.state = "";
    this.hurry = this.hurry.bind(this);
  }

  /** Begin to play. */
  start() {
    if (!this.stopped) return;
    this.stopped = false;
    this.#say("connecting");
    this.watch = setInterval(() => this.#look(), LOOK_MILLISECONDS);
    addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    this.#attempt(this.course.first);
  }

  /** End for good. @param {boolean} [gone] the server has ended the session already */
  stop(gone = false) {
    this.#halt(gone);
    this.#say("connecting");
  }

  /** Somebody said that the room is live: try at once instead of waiting, and do not trust an old connection for long. */
  nudge() {
    if (this.stopped) return;
    if (this.expected) this.shown?.doubt();
    if (this.coming?.way === "whep" && this.coming.connected > 0) this.coming.doubt();
    else this.hurry();
  }

  /** Now is a better moment than later: the network is back, or somebody looks again. */
  hurry() {
    if (this.stopped || document.hidden) return;
    this.course.hurry();
    if (this.timer === undefined || this.state === "playing") this.#look();
    else this.#attempt(this.next);
  }

  /** The viewer chooses. @param {"low" | "stable"} wish */
  prefer(wish) {
    this.course.wish = wish;
    this.course.hurry();
    this.behind = false;
    if (this.stopped) return;
    const way = this.course.first;
    if (this.shown?.way !== way) this.#attempt(way);
    else this.#forget();
  }

  /** Go back in the show. @param {number} at seconds from its start */
  seek(at) {
    if (this.stopped || !this.urls.hls) return;
    this.behind = true;
    this.at = at;
    if (this.shown?.way === "hls") {
      this.#forget();
      this.shown.seek(at);
    } else if (this.coming?.way === "hls") this.coming.aim(at);
    else this.#attempt("hls");
  }

  /** Back to what happens now. */
  live() {
    if (!this.behind) return;
    this.behind = false;
    if (this.shown?.way === "hls") this.shown.seek(-1);
    if (this.course.first === "whep") this.#attempt("whep");
    else this.#forget();
  }

  /** @param {Way} way */
  async #attempt(way) {
    this.#forget();
    this.#leave();
    const picture = this.pictures[this.shown?.picture === this.pictures[0] ? 1 : 0];
    /** @type {Source} */
    const source =
      way === "whep"
        ? new Whep(this.urls.whep, picture, this.resume, () => this.#swap(source))
        : new Hls(this.urls.hls, picture, this.behind ? this.at : -1, () => this.#swap(source));
    this.coming = source;
    try {
      await source.start();
      if (source.way === "hls" || this.stopped) return;
      this.resume = source.resume;
      if (source.replaced && this.shown?.way === "whep" && this.shown !== source) this.shown.location = "";
    } catch (error) {
      if (this.coming === source) this.#failed(source, error instanceof Refused ? error : new Refused(-1, "", String(error), 0));
    }
  }

  /** What was prepared has its picture. @param {Source} source */
  #swap(source) {
    if (this.coming !== source) return;
    this.leaving = this.shown;
    this.shown = source;
    this.coming = null;
    this.hearer.show(source.picture);
    // By then the new picture covers the old one for sure.
    setTimeout(() => this.#leave(), COVER_MILLISECONDS);
    this.resume = source.resume;
    this.#arrived(source);
  }

  /** @param {Source} source */
  #arrived(source) {
    this.course.arrived(source.way);
    this.#say("playing");
    const stays = source.way === "whep" || this.course.wish === "stable" || this.behind;
    if (stays || this.coming || this.timer !== undefined) return;
    this.#later("whep", this.course.comeBack(this.retryAfter));
    this.retryAfter = 0;
  }

  /** @param {Source} source @param {Refused} refused */
  #failed(source, refused) {
    source.stop();
    if (this.coming === source) this.coming = null;
    this.retryAfter = refused.retryAfter;
    if (this.shown && this.shown.way !== source.way && this.state === "playing") return this.#stay(this.shown);
    const step = this.course.failed(source.way, refused);
    if (step.way === null) {
      this.#halt();
      return this.#say(step.state, refused.message);
    }
    this.#say(step.state, refused.message);
    this.#later(step.way, step.wait);
  }

  /** The other way is closed, and nobody noticed: what is on screen runs on. @param {Source} shown */
  #stay(shown) {
    if (shown.way === "whep") {
      this.behind = false;
      this.course.wish = "low";
    }
    this.#arrived(shown);
  }

  /** @param {Way} way @param {number} wait milliseconds */
  #later(way, wait) {
    clearTimeout(this.timer);
    this.next = way;
    this.timer = setTimeout(() => {
      // Who does not look is not served a picture at any price; `visibilitychange` goes on from here.
      if (document.hidden && this.course.backoff.slow) return;
      this.#attempt(way);
    }, wait);
  }

  async #look() {
    if (this.looking) return;
    this.looking = true;
    try {
      const now = performance.now();
      if (this.shown) this.#judge(this.shown, await this.shown.look(now, this.expected && !this.behind));
      if (this.coming) this.#judge(this.coming, await this.coming.look(now, this.expected));
      this.hearer.looked?.();
    } finally {
      this.looking = false;
    }
  }

  /** @param {Source} source @param {import("vitrine/live/whep.js").Condition} condition */
  #judge(source, condition) {
    if (this.stopped) return;
    if (source === this.coming) {
      if (condition === "dead") this.#failed(source, new Refused(0, "unreachable", "", 0));
    } else if (source === this.shown) {
      const trying = this.coming !== null || this.timer !== undefined;
      if (condition === "moving") {
        // It came back by itself before its successor was there.
        if (this.state !== "playing" && !this.coming) this.#forget();
        if (this.state !== "playing" || !trying) this.#arrived(source);
      } else if (this.state === "playing" && condition === "still") this.#say("stalled");
      else if (condition === "dead" && (!trying || this.state === "playing")) {
        this.#say("stalled");
        this.#attempt(source.way === "hls" && this.course.wish === "low" && !this.behind ? "whep" : source.way);
      }
    }
  }

  /** @param {PlayerState} state @param {string} [sentence] */
  #say(state, sentence = "") {
    if (state === this.state) return;
    this.state = state;
    this.hearer.state(state, sentence);
  }

  /** Give up what is prepared or waited for. */
  #forget() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const coming = this.coming;
    this.coming = null;
    coming?.stop();
  }

  /** @param {boolean} [gone] */
  #halt(gone = false) {
    this.stopped = true;
    clearInterval(this.watch);
    removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.#forget();
    this.#leave();
    this.shown?.stop(gone);
    this.shown = null;
    this.resume = "";
    this.behind = false;
    this.hearer.show(null);
  }

  #leave() {
    this.leaving?.stop();
    this.leaving = null;
  }
}
