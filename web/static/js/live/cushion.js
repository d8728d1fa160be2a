/** What a receiver has counted of its packets. @typedef {{received: number, repaired: number, lost: number}} Counted */

/** Share of packets that were lost on their way, from which pictures wait for repairs, and below which they need not. */
const LOSSY = 0.02;
const CLEAN = 0.005;
/** Milliseconds between two judgements; fewer packets say too little. */
const SPAN = 2000;
/** How long a picture waits then: for a second request and its answer on an ordinary network. */
const WAIT_MILLISECONDS = 200;
/** How long a network must be clean before pictures come at once again. */
const CALM_MILLISECONDS = 30_000;

/** Decides how long pictures should wait for lost packets to come again. Knows no clock and no DOM. */
export class Cushion {
  constructor() {
    /** Milliseconds; null leaves it to the browser. @type {number | null} */
    this.target = null;
    this.at = -Infinity;
    this.troubled = -Infinity;
    /** @type {Counted} */
    this.before = { received: 0, repaired: 0, lost: 0 };
  }

  /**
   * @param {Counted} counted since the connection began
   * @param {number} now milliseconds
   * @returns {number | null} the target
   */
  weigh(counted, now) {
    if (now - this.at < SPAN) return this.target;
    const { received, repaired, lost } = this.before;
    // Browsers do not agree on whether a packet that came again was lost.
    const gone = Math.max(counted.lost - lost, counted.repaired - repaired, 0);
    const share = gone / Math.max(counted.received - received, 100);
    this.before = counted;
    this.at = now;
    if (share > CLEAN) this.troubled = now;
    if (share > LOSSY) this.target = WAIT_MILLISECONDS;
    else if (now - this.troubled > CALM_MILLISECONDS) this.target = null;
    return this.target;
  }
}
