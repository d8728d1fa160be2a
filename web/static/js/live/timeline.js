import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { clock } from "vitrine/live/clock.js";
import { icon } from "vitrine/live/icon.js";

/** Keys come fast; the picture follows when they rest. */
const REST_MILLISECONDS = 300;
/** Nearer to the end than this is live, in seconds. */
const LIVE_SECONDS = 3;
/** @type {Record<string, number>} seconds */
const STEPS = { ArrowLeft: -10, ArrowDown: -10, ArrowRight: 10, ArrowUp: 10, PageDown: -60, PageUp: 60 };

/** Back to any moment of the show, and back to live. @param {{screen: import("vitrine/live/screen.js").Screen}} props */
export function Timeline({ screen }) {
  const { start, edge, at } = screen.range.value;
  const [wish, setWish] = useState(/** @type {number | null} */ (null));
  const timer = useRef(/** @type {number | undefined} */ (undefined));
  useEffect(() => () => clearTimeout(timer.current), []);
  const behind = screen.behind.value;
  const here = wish ?? (behind ? Math.min(at, edge) : edge);
  const length = Math.max(0, edge - start);

  const go = (/** @type {number} */ to) => {
    const place = Math.min(Math.max(to, start), edge);
    setWish(place);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setWish(null);
      if (edge - place < LIVE_SECONDS) screen.live();
      else screen.seek(place);
    }, REST_MILLISECONDS);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const to = event.key === "Home" ? start : event.key === "End" ? edge : event.key in STEPS ? here + STEPS[event.key] : null;
    if (to === null) return;
    event.preventDefault();
    go(to);
  };
  const live = edge - here < LIVE_SECONDS;
  const said = live ? t("Live") : t("{at} of {length}", { at: clock(here - start), length: clock(length) });
  return html`<div class="timeline">
    <input
      type="range"
      class="timeline-slider"
      aria-label=${t("Moment of the show")}
      aria-valuetext=${said}
      min=${Math.floor(start)}
      max=${Math.ceil(edge)}
      step="1"
      value=${live ? Math.ceil(edge) : Math.round(here)}
      onInput=${(/** @type {any} */ event) => go(Number(event.currentTarget.value))}
      onKeyDown=${onKey}
    />
    <span class="timeline-at" aria-hidden="true">${live ? clock(length) : `−${clock(edge - here)}`}</span>
    <button class="chip chip-glass timeline-live" aria-pressed=${!behind} onClick=${screen.live}>${icon("radio")} ${behind ? t("Back to live") : t("Live")}</button>
  </div>`;
}
