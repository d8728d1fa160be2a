import { Refused } from "vitrine/live/signalling.js";

/** Nothing moves for this long although somebody publishes: begin again. */
const STUCK_MILLISECONDS = 15_000;
const STILL_MILLISECONDS = 2500;
/** To the list, its first piece and the first picture, also over a slow line. */
const PICTURE_MILLISECONDS = 20_000;
/** Native players say nothing of their live edge; pieces are about this long, in seconds. */
const NATIVE_EDGE_SECONDS = 4;
/**
 * How far behind the newest piece one plays the list says; each stall adds a second. Who falls back further catches up
 * at a speed that nobody hears.
 */
const BEHIND = { lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.05 };
/**
 * As far as one goes back, from the start. hls.js reckons the start of a list back from what it played, so in a long
 * show it comes to 3e-14 instead of 0, and takes a seek to 0 for one to before the list: it goes on loading live.
 */
const EARLIEST_SECONDS = 0.1;

/** The room as a file in pieces (HLS), playing in one video element: some seconds late, and back to the show's start. */
export class Hls {
  /** @type {"hls"} */
  way = "hls";
  resume = "";
  replaced = false;

  /**
   * @param {string} url
   * @param {HTMLVideoElement} picture silent and out of sight until its first frame is there
   * @param {number} at where to begin, in seconds from the show's start; -1: live
   * @param {() => void} ready called with the first picture
   */
  constructor(url, picture, at, ready) {
    this.url = url;
    this.picture = picture;
    this.at = at;
    this.tell = ready;
    this.ready = false;
    this.stopped = false;
    this.broken = false;
    /** @type {import("hls.js/light").default | null} */
    this.engine = null;
    this.begun = performance.now();
    this.moved = this.begun;
    this.seen = -1;
  }

  get height() {
    return Math.min(this.picture.videoWidth, this.picture.videoHeight);
  }

  /** What can be reached, and where we are, in seconds. */
  get range() {
    const { seekable, currentTime } = this.picture;
    if (seekable.length === 0) return { start: 0, end: 0, edge: 0, at: currentTime };
    const end = seekable.end(seekable.length - 1);
    const edge = this.engine?.liveSyncPosition ?? end - NATIVE_EDGE_SECONDS;
    const start = seekable.start(0) + EARLIEST_SECONDS;
    return { start, end, edge: Math.max(edge, start), at: currentTime };
  }

  /** Load and play; rejects with Refused. */
  async start() {
    this.picture.muted = true;
    this.picture.requestVideoFrameCallback?.(() => this.#isReady());
    // Chromium's own player stalls where the picture's size changes; it is used only where there is no other.
    const { default: Engine } = await import("hls.js/light");
    if (this.stopped) return;
    this.begun = performance.now();
    if (Engine.isSupported()) await this.#load(Engine);
    else await this.#loadNatively();
    await this.picture.play().catch(() => undefined);
  }

  /** @param {number} now @param {boolean} expected @returns {Promise<import("vitrine/live/whep.js").Condition>} */
  async look(now, expected) {
    const { currentTime } = this.picture;
    if (currentTime !== this.seen) this.moved = now;
    this.seen = currentTime;
    if (this.broken) return "dead";
    if (!this.ready) {
      if (this.picture.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && currentTime > 0) this.#isReady();
      return now - this.begun > PICTURE_MILLISECONDS ? "dead" : "coming";
    }
    const still = now - this.moved;
    if (expected && still > STUCK_MILLISECONDS) return "dead";
    return still > STILL_MILLISECONDS ? "still" : "moving";
  }

  /** Go elsewhere in the show. @param {number} at seconds; -1: live */
  seek(at) {
    const { start, edge } = this.range;
    this.picture.currentTime = at < 0 ? edge : Math.min(Math.max(at, start), edge);
    this.moved = performance.now();
  }

  /** Begin elsewhere than was said first. @param {number} at seconds */
  aim(at) {
    this.at = at;
    if (this.picture.seekable.length > 0) this.seek(at);
  }

  /** The list says itself when it goes on. */
  doubt() {
    this.engine?.startLoad();
  }

  /** End it. */
  stop() {
    this.stopped = true;
    if (this.engine) this.engine.destroy();
    else if (this.picture.hasAttribute("src")) {
      this.picture.removeAttribute("src");
      this.picture.load();
    }
    this.engine = null;
  }

  /** @param {typeof import("hls.js/light").default} Engine @returns {Promise<void>} */
  #load(Engine) {
    const engine = (this.engine = new Engine({ ...BEHIND, startPosition: this.at, backBufferLength: 60, maxBufferLength: 20 }));
    return new Promise((resolve, reject) => {
      engine.on(Engine.Events.MANIFEST_PARSED, () => {
        // Of two lists that differ in their sound only, the one with Opus has the shorter pieces.
        const opus = engine.levels.findIndex((level) => level.audioCodec?.includes("opus"));
        if (opus >= 0) engine.loadLevel = opus;
        resolve();
      });
      engine.on(Engine.Events.ERROR, (_, problem) => {
        if (!problem.fatal) return;
        this.broken = true;
        reject(new Refused(problem.response?.code ?? 0, "hls", "", 0));
      });
      engine.loadSource(this.url);
      engine.attachMedia(this.picture);
    });
  }

  /** @returns {Promise<void>} */
  #loadNatively() {
    const picture = this.picture;
    return new Promise((resolve, reject) => {
      const good = () => {
        if (this.at >= 0) picture.currentTime = this.at;
        resolve();
      };
      picture.addEventListener("loadedmetadata", good, { once: true });
      picture.addEventListener("error", () => reject(new Refused(0, "hls", "", 0)), { once: true });
      picture.src = this.url;
    });
  }

  #isReady() {
    if (this.ready || this.stopped) return;
    this.ready = true;
    this.tell();
  }
}
