import { signal } from "@preact/signals";

const PLAYERS = 3;
const RETRIES = 2;
const RETRY_MILLISECONDS = 800;
const SOUND = "sound";
const CAPTIONS = "captions";
/** Captions stand above what lies over the lower part of the picture, in percent of its height. */
const CAPTIONS_LINE = 58;

/** @typedef {{id: string, src: string, captions?: string | null}} Wanted */

/**
 * Three <video> elements for the whole feed, because phones have few decoders: the one in view, the one before it and
 * the one after it. Each goes into the element `stage-<id>` of the video it plays.
 */
export class Players {
  /** @param {(id: string, type: string, video: HTMLVideoElement) => void} heard events of a player, with its video's id */
  constructor(heard) {
    this.heard = heard;
    this.sound = signal(sessionStorage.getItem(SOUND) === "on");
    /** Captions are there unless they are turned off, because most people watch without sound. */
    this.captions = signal(localStorage.getItem(CAPTIONS) !== "off");
    /** Whether the one in view is meant to play. */
    this.playing = signal(false);
    /** @type {import("@preact/signals").Signal<ReadonlySet<string>>} */
    this.broken = signal(new Set());
    this.current = "";
    /** @type {Map<string, HTMLVideoElement>} */
    this.used = new Map();
    this.free = Array.from({ length: PLAYERS }, () => this.make());
    this.saving = /** @type {any} */ (navigator).connection?.saveData === true;
  }

  make() {
    const video = document.createElement("video");
    video.playsInline = true;
    video.muted = true;
    video.disableRemotePlayback = true;
    video.tabIndex = -1;
    video.setAttribute("aria-hidden", "true");
    video.className = "feed-video";
    video.dataset.tries = "0";
    for (const type of ["timeupdate", "ended", "waiting", "playing", "durationchange"]) {
      video.addEventListener(type, () => this.said(video, type));
    }
    video.addEventListener("loadeddata", () => video.classList.add("feed-video-shown"));
    video.addEventListener("error", () => this.failed(video));
    return video;
  }

  /** @param {HTMLVideoElement} video @param {string} type */
  said(video, type) {
    if (video.dataset.id) this.heard(video.dataset.id, type, video);
  }

  /** Put players under the wanted videos, the one in view first. @param {Wanted[]} wanted */
  assign(wanted) {
    const ids = new Set(wanted.map((each) => each.id));
    for (const [id, video] of this.used) {
      if (ids.has(id)) continue;
      this.used.delete(id);
      video.pause();
      video.dataset.id = "";
      video.removeAttribute("src");
      video.replaceChildren();
      video.load();
      video.classList.remove("feed-video-shown");
      this.free.push(video);
    }
    wanted.forEach(({ id, src, captions }, order) => {
      const stage = document.getElementById(`stage-${id}`);
      let video = this.used.get(id);
      if (!video) {
        video = this.free.pop();
        if (!video || !stage) return;
        this.mend(id);
        video.dataset.id = id;
        video.dataset.tries = "0";
        video.preload = order === 0 || !this.saving ? "auto" : "none";
        video.src = src;
        if (captions) this.caption(video, captions);
        this.used.set(id, video);
      }
      if (order === 0) video.preload = "auto";
      if (stage && video.parentElement !== stage) stage.append(video);
    });
  }

  /** Make one the video in view; the others stop. @param {string} id @param {boolean} play */
  select(id, play) {
    this.current = id;
    for (const [other, video] of this.used) if (other !== id) video.pause();
    const video = this.used.get(id);
    if (video?.ended) video.currentTime = 0;
    if (play) this.play();
    else this.pause();
  }

  get video() {
    return this.used.get(this.current);
  }

  /** Play the one in view; a browser that forbids sound before a gesture gets it muted. */
  async play() {
    const video = this.video;
    if (!video) return;
    video.muted = !this.sound.value;
    this.playing.value = true;
    try {
      await video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || video !== this.video) return;
      if (video.muted) this.playing.value = false;
      else {
        this.sound.value = false;
        await this.play();
      }
    }
  }

  pause() {
    this.video?.pause();
    this.playing.value = false;
  }

  toggle() {
    if (this.playing.value) this.pause();
    else this.play();
  }

  /** Turn the sound on or off, for as long as this tab is open. @param {boolean} on */
  setSound(on) {
    this.sound.value = on;
    sessionStorage.setItem(SOUND, on ? "on" : "off");
    if (this.video) this.video.muted = !on;
  }

  /** Give a video its captions. @param {HTMLVideoElement} video @param {string} src */
  caption(video, src) {
    const track = document.createElement("track");
    track.kind = "captions";
    track.src = src;
    track.addEventListener("load", () => {
      // On a phone the buttons lie over the right side.
      const narrow = matchMedia("(max-width: 720px)").matches;
      for (const cue of track.track.cues ?? []) {
        const words = /** @type {VTTCue} */ (cue);
        words.snapToLines = false;
        words.line = CAPTIONS_LINE;
        words.size = narrow ? 72 : 84;
        words.position = narrow ? 40 : 50;
      }
    });
    video.replaceChildren(track);
    track.track.mode = this.captions.value ? "showing" : "hidden";
  }

  /** Turn captions on or off, for this browser. @param {boolean} on */
  setCaptions(on) {
    this.captions.value = on;
    localStorage.setItem(CAPTIONS, on ? "on" : "off");
    for (const video of this.used.values()) {
      for (const track of video.textTracks) track.mode = on ? "showing" : "hidden";
    }
  }

  /** @param {number} seconds */
  seek(seconds) {
    const video = this.video;
    if (video && Number.isFinite(video.duration)) {
      video.currentTime = Math.min(Math.max(0, seconds), Math.max(0, video.duration - 0.05));
    }
  }

  /** Load again what failed: the network may have been away for a moment. @param {HTMLVideoElement} video */
  failed(video) {
    const id = video.dataset.id;
    if (!id) return;
    const tries = Number(video.dataset.tries) + 1;
    video.dataset.tries = String(tries);
    if (tries > RETRIES) {
      this.broken.value = new Set([...this.broken.value, id]);
      this.heard(id, "broken", video);
      return;
    }
    const at = video.currentTime;
    setTimeout(() => {
      if (video.dataset.id !== id) return;
      video.load();
      video.currentTime = at;
      if (id === this.current && this.playing.value) this.play();
    }, RETRY_MILLISECONDS * tries);
  }

  /** @param {string} id */
  mend(id) {
    if (this.broken.value.has(id)) this.broken.value = new Set([...this.broken.value].filter((each) => each !== id));
  }

  /** Try a broken video once more, from where it was. @param {string} id @param {boolean} [play] if it is in view */
  retry(id, play = true) {
    this.mend(id);
    const video = this.used.get(id);
    if (!video) return;
    const at = video.currentTime;
    video.dataset.tries = "0";
    video.load();
    video.currentTime = at;
    if (id === this.current && play) this.play();
  }

  /** The network is back: load what failed without it. */
  retryAll() {
    for (const [id, video] of this.used) {
      if (video.error || this.broken.value.has(id)) this.retry(id, this.playing.value);
    }
  }
}
