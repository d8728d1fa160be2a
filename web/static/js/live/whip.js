import { CONFIGURATION, Refused, exchange, hangUp } from "vitrine/live/signalling.js";

/** @typedef {"connecting" | "connected" | "reconnecting" | "ended" | "failed"} PublisherState */

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 8000;
/** A second publisher is refused; our own lost session is noticed by the server within this time. */
const PATIENCE_MILLISECONDS = 60_000;
const DISCONNECTED_MILLISECONDS = 4000;
/** What a viewer's phone plays everywhere: constrained baseline, then anything else that is H.264, then VP8. */
const CODECS = [/^video\/H264.*packetization-mode=1;.*42e01f/i, /^video\/H264.*packetization-mode=1;.*42001f/i, /^video\/VP8/i];

/** Publishes a camera by WHIP and comes back by itself when the network was away. */
export class Publisher {
  /**
   * @param {string} url
   * @param {MediaStream} stream
   * @param {(state: PublisherState, sentence: string) => void} hear
   * @param {number} [bitrate] highest, bit/s
   */
  constructor(url, stream, hear, bitrate = 2_500_000) {
    this.url = url;
    this.stream = stream;
    this.hear = hear;
    this.bitrate = bitrate;
    /** @type {RTCPeerConnection | null} */
    this.connection = null;
    this.location = "";
    this.wait = FIRST_WAIT;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.lostAt = 0;
    this.stopped = true;
  }

  /** Begin; refusals that will not go away by waiting end as `failed`. */
  start() {
    this.stopped = false;
    this.hear("connecting", "");
    this.#attempt();
  }

  /** End the show's stream and wait until the server knows. */
  async stop() {
    this.stopped = true;
    const location = this.location;
    this.#drop();
    if (location) await hangUp(location);
    this.hear("ended", "");
  }

  /** Go away without ending the show: the server keeps the viewers for a while. */
  abandon() {
    this.stopped = true;
    this.#drop();
  }

  /** The server misses us although our connection seems to stand: begin a new one. */
  renew() {
    if (!this.stopped && this.connection?.connectionState === "connected") this.#again("");
  }

  /**
   * Send another camera and microphone from now on, without a new session.
   * @param {MediaStream} stream
   */
  async use(stream) {
    this.stream = stream;
    for (const sender of this.connection?.getSenders() ?? []) {
      const track = stream.getTracks().find((each) => each.kind === sender.track?.kind);
      if (track) await sender.replaceTrack(track);
    }
  }

  async #attempt() {
    const connection = (this.connection = new RTCPeerConnection(CONFIGURATION));
    for (const track of this.stream.getTracks()) this.#add(connection, track);
    connection.addEventListener("connectionstatechange", () => this.#changed(connection));
    try {
      this.location = await exchange(connection, this.url);
      await Promise.all(connection.getSenders().map((sender) => this.#shape(sender)));
    } catch (error) {
      if (this.connection === connection) this.#refused(error);
    }
  }

  /** @param {RTCPeerConnection} connection @param {MediaStreamTrack} track */
  #add(connection, track) {
    const transceiver = connection.addTransceiver(track, { direction: "sendonly", streams: [this.stream] });
    if (track.kind !== "video") return;
    const known = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
    const wanted = CODECS.flatMap((pattern) => known.filter((codec) => pattern.test(`${codec.mimeType} ${codec.sdpFmtpLine ?? ""}`)));
    const repair = known.filter((codec) => /\/rtx$/i.test(codec.mimeType));
    if (wanted.length > 0) transceiver.setCodecPreferences([...new Set(wanted), ...repair]);
  }

  /** @param {RTCRtpSender} sender */
  async #shape(sender) {
    if (sender.track?.kind !== "video") return;
    const parameters = sender.getParameters();
    // A changed resolution costs every viewer a keyframe and the recording a new part; fewer frames cost less.
    /** @type {any} */ (parameters).degradationPreference = "maintain-resolution";
    for (const encoding of parameters.encodings) Object.assign(encoding, { maxBitrate: this.bitrate, maxFramerate: 30 });
    await sender.setParameters(parameters).catch(() => undefined);
  }

  /** @param {RTCPeerConnection} connection */
  #changed(connection) {
    if (this.connection !== connection) return;
    clearTimeout(this.timer);
    const state = connection.connectionState;
    if (state === "connected") {
      this.wait = FIRST_WAIT;
      this.lostAt = 0;
      this.hear("connected", "");
    } else if (state === "failed") {
      this.#again("");
    } else if (state === "disconnected") {
      this.timer = setTimeout(() => this.#again(""), DISCONNECTED_MILLISECONDS);
    }
  }

  /** @param {unknown} error */
  #refused(error) {
    const refused = error instanceof Refused ? error : new Refused(-1, "", String(error), 0);
    const own = refused.code === "already-published" && this.lostAt > 0 && performance.now() - this.lostAt < PATIENCE_MILLISECONDS;
    if (own || refused.status === 0 || refused.status === 429 || refused.status >= 500) {
      this.#again(refused.message, refused.retryAfter * 1000);
      return;
    }
    this.abandon();
    this.hear("failed", refused.message);
  }

  /** @param {string} sentence @param {number} [least] milliseconds */
  #again(sentence, least = 0) {
    this.#drop();
    this.lostAt ||= performance.now();
    this.hear("reconnecting", sentence);
    this.timer = setTimeout(() => this.#attempt(), Math.max(this.wait, least));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  #drop() {
    clearTimeout(this.timer);
    this.location = "";
    this.connection?.close();
    this.connection = null;
  }
}
