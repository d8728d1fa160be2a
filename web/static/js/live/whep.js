import { CONFIGURATION, Refused, exchange, hangUp } from "vitrine/live/signalling.js";

/** @typedef {"connecting" | "playing" | "stalled" | "nobody" | "full" | "over" | "failed"} PlayerState */

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 8000;
const WATCH_MILLISECONDS = 500;
/** Without a new frame for this long the picture counts as frozen. */
const FROZEN_MILLISECONDS = 3000;
/** A connection that stays silent this long is given up for a new one. */
const DEAD_MILLISECONDS = 12_000;

/** Plays a room by WHEP and comes back by itself: after 1, 2, 4, then every 8 seconds, or when the server says. */
export class Player {
  /**
   * @param {string} url
   * @param {{ stream: (stream: MediaStream) => void, state: (state: PlayerState, sentence: string) => void }} hearer
   */
  constructor(url, hearer) {
    this.url = url;
    this.hearer = hearer;
    /** @type {RTCPeerConnection | null} */
    this.connection = null;
    this.location = "";
    this.wait = FIRST_WAIT;
    /** @type {number | undefined} */
    this.timer = undefined;
    /** @type {number | undefined} */
    this.watch = undefined;
    this.frames = -1;
    this.moved = 0;
    /** By when (performance.now) a picture should have moved, 0: whenever. */
    this.due = 0;
    this.stopped = true;
    /** @type {PlayerState | ""} */
    this.state = "";
  }

  /** Begin to play. */
  start() {
    if (!this.stopped) return;
    this.stopped = false;
    this.#say("connecting");
    this.#attempt();
  }

  /** End for good. @param {boolean} [gone] the server has ended the session already */
  stop(gone = false) {
    this.stopped = true;
    if (gone) this.location = "";
    this.#drop();
    this.#say("connecting");
  }

  /** Whoever draws the stream has seen its first picture: that is sooner known there than by counting. */
  drawn() {
    if (this.stopped || this.connection?.connectionState !== "connected") return;
    this.moved = performance.now();
    this.wait = FIRST_WAIT;
    this.#say("playing");
  }

  /** Somebody said that the room is live: try at once instead of waiting, and do not trust an old connection for long. */
  nudge() {
    if (this.stopped) return;
    if (this.connection?.connectionState === "connected") {
      this.due = performance.now() + FROZEN_MILLISECONDS;
      return;
    }
    this.wait = FIRST_WAIT;
    this.#drop();
    this.#attempt();
  }

  async #attempt() {
    const connection = (this.connection = new RTCPeerConnection(CONFIGURATION));
    const stream = new MediaStream();
    connection.addTransceiver("video", { direction: "recvonly" });
    connection.addTransceiver("audio", { direction: "recvonly" });
    connection.addEventListener("track", (event) => {
      stream.addTrack(event.track);
      this.hearer.stream(event.streams[0] ?? stream);
    });
    connection.addEventListener("connectionstatechange", () => {
      if (this.connection === connection && connection.connectionState === "failed") this.#again("stalled");
    });
    this.moved = performance.now();
    this.due = 0;
    this.frames = -1;
    try {
      const location = await exchange(connection, this.url);
      if (this.connection !== connection) return void hangUp(location);
      this.location = location;
      this.watch = setInterval(() => this.#look(connection), WATCH_MILLISECONDS);
    } catch (error) {
      if (this.connection === connection) this.#refused(error);
    }
  }

  /** @param {unknown} error */
  #refused(error) {
    const { status, code, message, retryAfter } =
      error instanceof Refused ? error : new Refused(-1, "", String(error), 0);
    const fatal = status === -1 || (status >= 400 && status < 500 && status !== 409 && status !== 429);
    if (code === "room-over" || fatal) {
      this.stop();
      this.#say(code === "room-over" ? "over" : "failed", message);
      return;
    }
    const state = status === 409 ? "nobody" : code === "full" ? "full" : "stalled";
    this.#again(state, message, retryAfter * 1000);
  }

  /** @param {PlayerState} state @param {string} [sentence] @param {number} [least] milliseconds */
  #again(state, sentence = "", least = 0) {
    this.#drop();
    this.#say(state, sentence);
    this.timer = setTimeout(() => this.#attempt(), Math.max(this.wait, least));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /** @param {RTCPeerConnection} connection */
  async #look(connection) {
    let frames = -1;
    for (const report of (await connection.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "video") frames = report.framesDecoded ?? 0;
    }
    if (this.connection !== connection) return;
    const now = performance.now();
    if (frames > Math.max(this.frames, 0)) {
      this.moved = now;
      this.wait = FIRST_WAIT;
      this.#say("playing");
      this.due = 0;
    } else if (now - this.moved > DEAD_MILLISECONDS || (this.due > 0 && now > this.due)) {
      this.#again("stalled");
    } else if (now - this.moved > FROZEN_MILLISECONDS) {
      this.#say("stalled");
    }
    this.frames = frames;
  }

  /** @param {PlayerState} state @param {string} [sentence] */
  #say(state, sentence = "") {
    if (state === this.state) return;
    this.state = state;
    this.hearer.state(state, sentence);
  }

  #drop() {
    clearTimeout(this.timer);
    clearInterval(this.watch);
    if (this.location) hangUp(this.location);
    this.location = "";
    this.connection?.close();
    this.connection = null;
  }
}
