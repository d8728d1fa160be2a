import { Backoff } from "vitrine/live/backoff.js";
import { CONFIGURATION, Refused, exchange, hangUp } from "vitrine/live/signalling.js";

/** @typedef {"connecting" | "connected" | "reconnecting" | "ended" | "failed"} PublisherState */

/** A second publisher is refused; our own lost session is noticed by the server within this time. */
const PATIENCE_MILLISECONDS = 60_000;
const DISCONNECTED_MILLISECONDS = 2000;
const CONNECT_MILLISECONDS = 8000;
/**
 * Layers of the picture, best first: a server that wants one only gets the first (RFC 8853 section 5.3.2, WebRTC
 * section 4.4.1.5). Each viewer is sent the one that their network carries.
 */
const LAYERS = [
  { rid: "h", maxBitrate: 1_600_000, maxFramerate: 30 },
  { rid: "m", maxBitrate: 500_000, maxFramerate: 30, scaleResolutionDownBy: 2 },
  { rid: "l", maxBitrate: 150_000, maxFramerate: 30, scaleResolutionDownBy: 4 },
];
/** Of one picture for everybody, bit/s. */
const ALONE_BITRATE = 2_500_000;
/** What a viewer's phone plays everywhere: constrained baseline, then anything else that is H.264, then VP8. */
const CODECS = [/^video\/H264.*packetization-mode=1;.*42e01f/i, /^video\/H264.*packetization-mode=1;.*42001f/i, /^video\/VP8/i];

/** Publishes a camera by WHIP and comes back by itself when the network was away. */
export class Publisher {
  /**
   * @param {string} url
   * @param {MediaStream} stream
   * @param {(state: PublisherState, sentence: string) => void} hear
   */
  constructor(url, stream, hear) {
    this.url = url;
    this.stream = stream;
    this.hear = hear;
    /** @type {RTCPeerConnection | null} */
    this.connection = null;
    this.location = "";
    this.backoff = new Backoff();
    /** Several layers, until this machine turns out to be too weak for them. */
    this.layered = true;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.lostAt = 0;
    this.stopped = true;
    this.hurry = this.hurry.bind(this);
  }

  /** Begin; refusals that will not go away by waiting end as `failed`. */
  start() {
    this.stopped = false;
    this.hear("connecting", "");
    addEventListener("online", this.hurry);
    this.#attempt();
  }

  /** End the show's stream and wait until the server knows. */
  async stop() {
    const location = this.location;
    this.abandon();
    if (location) await hangUp(location);
    this.hear("ended", "");
  }

  /** Go away without ending the show: the server keeps the viewers for a while. */
  abandon() {
    this.stopped = true;
    removeEventListener("online", this.hurry);
    this.#drop();
  }

  /** The network is back: do not wait any longer. */
  hurry() {
    if (this.stopped || this.connection) return;
    this.backoff.reset();
    clearTimeout(this.timer);
    this.#attempt();
  }

  /** The server misses us although our connection seems to stand: begin a new one. */
  renew() {
    if (!this.stopped && this.connection?.connectionState === "connected") this.#again("");
  }

  /** Send one picture for everybody from now on: this machine cannot encode several. */
  async simplify() {
    if (!this.layered) return;
    this.layered = false;
    await Promise.all((this.connection?.getSenders() ?? []).map((sender) => this.#shape(sender)));
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
      const { location } = await exchange(connection, this.url);
      if (this.connection !== connection) return;
      this.location = location;
      if (connection.connectionState !== "connected") this.timer = setTimeout(() => this.#again(""), CONNECT_MILLISECONDS);
      await Promise.all(connection.getSenders().map((sender) => this.#shape(sender)));
    } catch (error) {
      if (this.connection === connection) this.#refused(error);
    }
  }

  /** @param {RTCPeerConnection} connection @param {MediaStreamTrack} track */
  #add(connection, track) {
    const sendEncodings = track.kind === "video" && this.layered ? LAYERS : undefined;
    const transceiver = connection.addTransceiver(track, { direction: "sendonly", streams: [this.stream], sendEncodings });
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
    // Chromium keeps the encodings that the answer did not take.
    const several = this.layered && /^a=simulcast:/m.test(this.connection?.remoteDescription?.sdp ?? "");
    const [best, ...others] = parameters.encodings;
    if (best) Object.assign(best, { maxFramerate: 30, maxBitrate: several ? LAYERS[0].maxBitrate : ALONE_BITRATE });
    for (const other of others) other.active = several;
    await sender.setParameters(parameters).catch(() => undefined);
  }

  /** @param {RTCPeerConnection} connection */
  #changed(connection) {
    if (this.connection !== connection) return;
    const state = connection.connectionState;
    if (state === "connected") {
      clearTimeout(this.timer);
      this.backoff.reset();
      this.lostAt = 0;
      this.hear("connected", "");
    } else if (state === "failed") {
      this.#again("");
    } else if (state === "disconnected") {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#again(""), DISCONNECTED_MILLISECONDS);
    }
  }

  /** @param {unknown} error */
  #refused(error) {
    const refused = error instanceof Refused ? error : new Refused(-1, "", String(error), 0);
    const own = refused.code === "already-published" && this.lostAt > 0 && performance.now() - this.lostAt < PATIENCE_MILLISECONDS;
    if (own || refused.status === 0 || refused.status === 429 || refused.status >= 500) {
      // One publisher is no crowd: only who is told that it is too much waits longer than the usual pauses.
      this.#again(refused.message, refused.status === 429 || refused.code === "full" ? refused.retryAfter * 1000 : 0);
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
    this.timer = setTimeout(() => this.#attempt(), Math.max(this.backoff.next(), least));
  }

  #drop() {
    clearTimeout(this.timer);
    this.location = "";
    this.connection?.close();
    this.connection = null;
  }
}
