import { uuid } from "vitrine/uuid.js";

/** @typedef {import("vitrine/feed/shapes.d.ts").Track} Track */

const FLUSH_AFTER_MILLISECONDS = 2000;
const MOST_PER_BATCH = 50;
// Without a network events wait here; beyond this the oldest are dropped.
const MOST_WAITING = 300;

/**
 * Collects what the viewer did and sends it in small batches; nothing is sent without consent.
 * The service counts each messageId once, so a batch may be sent again when its answer was lost.
 */
export class Events {
  /**
   * @param {boolean} allowed whether the viewer agreed
   * @param {(answer: any) => void} heard called with the answer to each batch
   */
  constructor(allowed, heard) {
    this.allowed = allowed;
    this.heard = heard;
    /** @type {Track[]} */
    this.waiting = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.sending = false;
  }

  /**
   * Note one event; `now` sends it at once, for what should change the feed within the second.
   * @param {string} event @param {Record<string, unknown>} properties @param {boolean} [now]
   */
  track(event, properties, now = false) {
    if (!this.allowed) return;
    this.waiting.push({ type: "track", messageId: uuid(), event, timestamp: new Date().toISOString(), properties });
    this.waiting.splice(0, Math.max(0, this.waiting.length - MOST_WAITING));
    if (now) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), FLUSH_AFTER_MILLISECONDS);
  }

  /** Send what waits; one batch at a time, so that events arrive in order. */
  async flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.sending || this.waiting.length === 0) return;
    const batch = this.waiting.slice(0, MOST_PER_BATCH);
    let wait = 0;
    this.sending = true;
    try {
      const answer = await fetch("/v1/batch", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: envelope(batch),
        keepalive: true,
      });
      if (answer.status === 429 || answer.status >= 500) wait = Number(answer.headers.get("retry-after") ?? 5);
      else {
        this.waiting = this.waiting.filter((each) => !batch.includes(each));
        if (answer.ok) this.heard(await answer.json());
      }
    } catch {
      wait = 5;
    } finally {
      this.sending = false;
    }
    if (this.waiting.length > 0) this.timer ??= setTimeout(() => this.flush(), wait * 1000);
  }

  /** Hand over what waits while the page goes away. */
  leave() {
    if (this.waiting.length === 0) return;
    const batch = this.waiting.slice(0, MOST_PER_BATCH);
    if (navigator.sendBeacon("/v1/batch", envelope(batch))) this.waiting.splice(0, batch.length);
  }

  /** Withdraw: forget what was not sent yet. */
  stop() {
    this.allowed = false;
    this.waiting = [];
  }
}

/** @param {Track[]} batch */
function envelope(batch) {
  return JSON.stringify({ batch, sentAt: new Date().toISOString() });
}
