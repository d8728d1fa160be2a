import { useEffect, useState } from "preact/hooks";
import { html } from "vitrine/html.js";
import { icon } from "vitrine/live/icon.js";

const MOST_AT_ONCE = 12;
const LIFE_MILLISECONDS = 2200;
const LANES = 5;

/** Reactions of everybody, rising. @param {{store: import("vitrine/live/store.js").Store}} props */
export function Hearts({ store }) {
  const [risen, setRisen] = useState(/** @type {number[]} */ ([]));
  useEffect(() => {
    let seen = store.hearts.peek();
    /** @type {Set<number>} */
    const timers = new Set();
    const stop = store.hearts.subscribe((count) => {
      const fresh = Array.from({ length: Math.min(count - seen, MOST_AT_ONCE) }, (_, place) => seen + place + 1);
      seen = count;
      if (fresh.length === 0) return;
      setRisen((before) => [...before, ...fresh].slice(-MOST_AT_ONCE));
      const timer = setTimeout(() => {
        timers.delete(timer);
        setRisen((before) => before.filter((each) => !fresh.includes(each)));
      }, LIFE_MILLISECONDS);
      timers.add(timer);
    });
    return () => {
      stop();
      for (const timer of timers) clearTimeout(timer);
    };
  }, []);
  return html`<div class="hearts" aria-hidden="true">
    ${risen.map((each) => html`<span key=${each} class=${`heart heart-${each % LANES}`}>${icon("heart")}</span>`)}
  </div>`;
}
