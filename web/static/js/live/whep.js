import { Cushion } from "vitrine/live/cushion.js";
import { Pulse } from "vitrine/live/pulse.js";
import { CONFIGURATION, exchange, hangUp } from "vitrine/live/signalling.js";

/** @typedef {"coming" | import("vitrine/live/pulse.js").Verdict} Condition */

/** Until the path to the server is proven; where UDP is blocked it never is. */
const CONNECT_MILLISECONDS = 6000;
/** From then to the first picture of a room that is live. */
const PICTURE_MILLISECONDS = 8000;

/** One WebRTC connection into a room (WHEP), from the offer to the end, playing in one video element. */
export class Whep {
  /** @type {"whep"} */
  way = "whep";

  /**
   * @param {string} url
   * @param {HTMLVideoElement} picture silent and out of sight until its first frame is there
   * @param {string} resume what the server gave for the session before this one; it ends that one for this one
   * @param {() => void} ready called with the first picture
   */
  constructor(url, picture, resume, ready) {
    this.url = url;
    this.picture = picture;
    this.resume = resume;
    /** The session before this one was ended by the server. */
    this.replaced = false;
    this.location = "";
    this.ready = false;
    this.stopped = false;
    this.connection = new RTCPeerConnection(CONFIGURATION);
    this.stream = new MediaStream();
    this.begun = performance.now();
    this.connected = 0;
    /** Since when a picture should come. */
    this.wanted = 0;
    this.pulse = new Pulse(this.begun);
    this.cushion = new Cushion();
    this.height = 0;
    this.tell = ready;
  }

  /** Offer and play; rejects with Refused. */
  async start() {
    const connection = this.connection;
    connection.addTransceiver("video", { direction: "recvonly" });
    connection.addTransceiver("audio", { direction: "recvonly" });
    connection.addEventListener("track", (event) => this.stream.addTrack(event.track));
    this.picture.muted = true;
    this.picture.srcObject = this.stream;
    const first = () => this.#isReady();
    this.picture.requestVideoFrameCallback?.(first);
    const session = await exchange(connection, this.url, this.resume);
    this.replaced = this.resume !== "";
    this.resume = session.resume;
    if (this.stopped) return void hangUp(session.location);
    this.location = session.location;
    // Started by hand: the `autoplay` of an element that had another stream before is not relied on.
    this.picture.play().catch(() => undefined);
  }

  /**
   * How it is doing.
   * @param {number} now
   * @param {boolean} expected somebody publishes in the room
   * @returns {Promise<Condition>}
   */
  async look(now, expected) {
    const state = this.connection.connectionState;
    if (this.connected === 0) {
      if (state === "failed" || now - this.begun > CONNECT_MILLISECONDS) return "dead";
      if (state !== "connected") return "coming";
      this.connected = this.wanted = now;
      this.pulse = new Pulse(now);
    }
    const reading = await this.#read();
    const verdict = this.pulse.feel(reading, performance.now(), expected);
    if (!this.ready && (reading.frames > 0 || (reading.packets > 0 && !this.#hasPicture()))) this.#isReady();
    if (this.ready || verdict === "dead") return verdict;
    if (!expected) this.wanted = now;
    return now - this.wanted > PICTURE_MILLISECONDS ? "dead" : "coming";
  }

  /** Do not trust it for long any more. */
  doubt() {
    this.pulse.doubt(performance.now());
  }

  /** End it. @param {boolean} [gone] the server has ended the session already */
  stop(gone = false) {
    this.stopped = true;
    // What never connected is closed by the server in ten seconds, or sooner by the next attempt with its token.
    const known = this.location && !gone && (this.connected > 0 || !this.resume);
    // A connection that closes first ends its session, and the server would not know it any more.
    if (known) hangUp(this.location).then(() => this.connection.close());
    else this.connection.close();
    this.location = "";
    if (this.picture.srcObject === this.stream) this.picture.srcObject = null;
  }

  #isReady() {
    if (this.ready || this.stopped) return;
    this.ready = true;
    this.tell();
  }

  #hasPicture() {
    return this.connection.getTransceivers().some((each) => each.receiver.track.kind === "video" && each.currentDirection === "recvonly");
  }

  /** Let picture and sound wait for repairs on a lossy network. @param {any} report statistics of the picture */
  #wait(report) {
    const counted = {
      received: report.packetsReceived ?? 0,
      repaired: report.retransmittedPacketsReceived ?? 0,
      lost: report.packetsLost ?? 0,
    };
    const target = this.cushion.weigh(counted, performance.now());
    for (const receiver of this.connection.getReceivers()) {
      if ("jitterBufferTarget" in receiver && receiver.jitterBufferTarget !== target) receiver.jitterBufferTarget = target;
    }
  }

  /** @returns {Promise<import("vitrine/live/pulse.js").Reading>} */
  async #read() {
    const reading = { packets: 0, frames: 0, answers: -1, state: this.connection.connectionState };
    for (const report of (await this.connection.getStats()).values()) {
      if (report.type === "inbound-rtp") {
        reading.packets += report.packetsReceived ?? 0;
        if (report.kind !== "video") continue;
        this.#wait(report);
        reading.frames = report.framesDecoded ?? 0;
        this.height = Math.min(report.frameWidth ?? 0, report.frameHeight ?? 0);
      } else if (report.type === "candidate-pair" && report.state === "succeeded" && report.responsesReceived !== undefined) {
        reading.answers = Math.max(reading.answers, report.responsesReceived);
      }
    }
    return reading;
  }
}
