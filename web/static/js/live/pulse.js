/**
 * What a connection's statistics say: packets and frames that came, checks of the path that were answered (-1 where the
 * browser does not count them), and the connection's state.
 * @typedef {{packets: number, frames: number, answers: number, state: RTCPeerConnectionState}} Reading
 */
/** @typedef {"moving" | "still" | "dead"} Verdict */

const STILL_MILLISECONDS = 2000;
/** A browser checks a quiet path every 2.5 s: without an answer for this long, and without a packet, it is cut. */
const CUT_MILLISECONDS = 4000;
/** The path answers, the room is live, and still nothing comes: the server has lost us. */
const FORGOTTEN_MILLISECONDS = 9000;
/** Packets come and no picture is made of them. */
const STUCK_MILLISECONDS = 8000;
/** Somebody publishes again: their packets are on the way, or this connection is not the way any more. */
const DOUBT_MILLISECONDS = 1200;

/** Feels whether a connection lives, from readings twice a second. Knows no clock and no DOM. */
export class Pulse {
  /** @param {number} now milliseconds */
  constructor(now) {
    this.packets = 0;
    this.frames = 0;
    this.answers = 0;
    this.packetAt = this.frameAt = this.answerAt = now;
    /** By when something must have come, 0: whenever. */
    this.due = 0;
  }

  /** Somebody said that there is something to play: wait less long for it. @param {number} now milliseconds */
  doubt(now) {
    this.due = now + DOUBT_MILLISECONDS;
  }

  /**
   * @param {Reading} reading
   * @param {number} now milliseconds
   * @param {boolean} expected somebody publishes, so something should come
   * @returns {Verdict}
   */
  feel(reading, now, expected) {
    if (reading.packets > this.packets) {
      this.packetAt = now;
      this.due = 0;
    }
    if (reading.frames > this.frames) this.frameAt = now;
    if (reading.answers > this.answers) this.answerAt = now;
    this.packets = reading.packets;
    this.frames = reading.frames;
    this.answers = reading.answers;
    const silent = now - this.packetAt;
    // Who publishes sound only has no frames, and nobody waits for one.
    const stuck = this.frames > 0 ? now - this.frameAt : 0;
    if (this.#isDead(reading, now, silent, expected && stuck > STUCK_MILLISECONDS, expected)) return "dead";
    return Math.max(silent, stuck) > STILL_MILLISECONDS ? "still" : "moving";
  }

  /** @param {Reading} reading @param {number} now @param {number} silent @param {boolean} stuck @param {boolean} expected */
  #isDead(reading, now, silent, stuck, expected) {
    if (reading.state === "failed" || reading.state === "closed") return true;
    if (stuck || (this.due > 0 && now > this.due)) return true;
    if (silent <= CUT_MILLISECONDS) return false;
    // Without counted answers only what is missed tells; a publisher's pause is then not told from a cut.
    const cut = reading.answers < 0 ? expected || reading.state === "disconnected" : now - this.answerAt > CUT_MILLISECONDS;
    return cut || (expected && silent > FORGOTTEN_MILLISECONDS);
  }
}
