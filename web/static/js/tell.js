import { Events } from "vitrine/feed/events.js";

// The page knows whether its viewer agreed; the service asks again and keeps nothing without consent.
const events = new Events("tells" in document.body.dataset, () => {});

addEventListener("pagehide", () => events.leave());
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && events.leave());
document.addEventListener("consent-changed", (event) => {
  const { personalise, measure } = /** @type {CustomEvent} */ (event).detail;
  if (personalise || measure) events.allowed = true;
  else events.stop();
});

/**
 * Say what the viewer did on a page outside the feed.
 * @param {string} event a name of docs/events.md
 * @param {Record<string, unknown>} properties
 */
export function tell(event, properties) {
  events.track(event, properties);
}

/**
 * Say it when something was read: in view for `milliseconds` altogether.
 * @param {number} milliseconds @param {() => void} say
 */
export function whenRead(milliseconds, say) {
  let left = milliseconds;
  const timer = setInterval(() => {
    if (document.visibilityState !== "visible" || (left -= 1000) > 0) return;
    clearInterval(timer);
    say();
  }, 1000);
}
