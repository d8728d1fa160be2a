const FIRST_MILLISECONDS = 300;
const LONGEST_MILLISECONDS = 7000;
const QUICK_ATTEMPTS = 10;
const SLOW_MILLISECONDS = 20_000;
/** So much of each pause is left to chance: a thousand viewers of one network must not come back in one moment. */
const SPREAD = 0.35;

/** Pauses before attempts: 0.3 s doubled up to 7 s, ten times; after that one every 20 s for ever. */
export class Backoff {
  /** @param {() => number} [random] from 0 to 1 */
  constructor(random = Math.random) {
    this.random = random;
    this.attempts = 0;
  }

  /** The ten quick attempts are used up. */
  get slow() {
    return this.attempts >= QUICK_ATTEMPTS;
  }

  /** How long to wait before the next attempt, in milliseconds. */
  next() {
    const whole = this.slow ? SLOW_MILLISECONDS : Math.min(LONGEST_MILLISECONDS, FIRST_MILLISECONDS * 2 ** this.attempts);
    this.attempts += 1;
    return whole * (1 - SPREAD * this.random());
  }

  /** It worked, or something says that it would work now. */
  reset() {
    this.attempts = 0;
  }
}
