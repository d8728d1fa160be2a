import { Backoff } from "vitrine/live/backoff.js";

/** @typedef {"whep" | "hls"} Way by WebRTC with low latency, or as a file in pieces, stable behind every firewall */
/** @typedef {{status: number, code: string, retryAfter: number}} Refusal status 0: nobody answered, -1: our own fault; seconds */
/** @typedef {{way: Way | null, wait: number, state: "nobody" | "full" | "stalled" | "over" | "failed"}} Step way null: only a person can go on; wait in milliseconds */

/** So many failures in a row, and the other way is tried. */
const ENOUGH = 2;
const FIRST_RETURN = 10_000;
const LONGEST_RETURN = 120_000;

/** Which way to the picture is taken next, and when. Knows no DOM, no network and no clock. */
export class Course {
  /** @param {boolean} both whether the room can be had as a file in pieces, too @param {() => number} [random] */
  constructor(both, random = Math.random) {
    this.both = both;
    this.backoff = new Backoff(random);
    this.failures = 0;
    this.pause = FIRST_RETURN;
    /** What the viewer chose: low latency falls back by itself, stable stays. */
    this.wish = /** @type {"low" | "stable"} */ ("low");
  }

  /** Where to begin. @returns {Way} */
  get first() {
    return this.both && this.wish === "stable" ? "hls" : "whep";
  }

  /** A picture moves on this way. @param {Way} way */
  arrived(way) {
    this.backoff.reset();
    if (way === "hls") return;
    this.failures = 0;
    this.pause = FIRST_RETURN;
  }

  /** Something says that now is a better moment than before. */
  hurry() {
    this.backoff.reset();
  }

  /** How long to stay on the stable way before the fast one is tried again, in milliseconds; it grows. @param {number} [retryAfter] seconds */
  comeBack(retryAfter = 0) {
    const pause = this.pause;
    this.pause = Math.min(pause * 2, LONGEST_RETURN);
    return Math.max(pause * (1 + 0.3 * this.backoff.random()), retryAfter * 1000);
  }

  /**
   * An attempt failed, or what played is dead.
   * @param {Way} way
   * @param {Refusal} refusal
   * @returns {Step}
   */
  failed(way, { status, code, retryAfter }) {
    if (code === "room-over") return { way: null, wait: 0, state: "over" };
    // Another tab took this place; two that take it from each other would never rest.
    if (code === "watched-elsewhere") return { way: null, wait: 0, state: "failed" };
    const least = retryAfter * 1000;
    const state = status === 409 ? "nobody" : code === "full" ? "full" : "stalled";
    if (way === "hls") return this.#again(this.wish === "stable" && status !== 404 ? "hls" : "whep", least, state);
    // A page that is wrong stays wrong: an unknown codec, a room that is not there.
    const hopeless = status === -1 || (status >= 400 && status < 500 && status !== 409 && status !== 429);
    if (hopeless && !this.both) return { way: null, wait: 0, state: "failed" };
    if (state !== "nobody") this.failures += 1;
    const leave = hopeless || state === "full" || this.failures >= ENOUGH;
    if (this.both && leave && state !== "nobody") return { way: "hls", wait: 0, state };
    return this.#again("whep", least, state);
  }

  /** @param {Way} way @param {number} least milliseconds @param {Step["state"]} state @returns {Step} */
  #again(way, least, state) {
    return { way, wait: Math.max(this.backoff.next(), least), state };
  }
}
