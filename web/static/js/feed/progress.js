import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";

/**
 * @typedef {import("vitrine/feed/control.js").Control} Control
 * @typedef {import("vitrine/feed/shapes.d.ts").Video} Video
 */

/**
 * How far the video is, one bar a segment, under a slider that moves it.
 * @param {{at: Control, video: Video, current: boolean}} props
 */
export function Progress({ at, video, current }) {
  const position = current ? Math.min(at.position.value, video.duration) : 0;
  return html`<div class="feed-progress">
    <div class="feed-bars" aria-hidden="true">
      ${video.segments.map(({ id, start, duration }) => {
        const share = Math.min(1, Math.max(0, (position - start) / duration));
        return html`<span class="feed-bar" key=${`${id}-${start}`} ref=${(/** @type {HTMLElement | null} */ bar) => grow(bar, duration, share)}><i></i></span>`;
      })}
    </div>
    <input
      class="feed-slider"
      type="range"
      min="0"
      max=${video.duration}
      step="0.1"
      value=${position}
      aria-label=${t("Position")}
      aria-valuetext=${t("{now} s of {all} s", { now: Math.round(position), all: Math.round(video.duration) })}
      onInput=${(/** @type {any} */ event) => at.players.seek(Number(event.currentTarget.value))}
    />
  </div>`;
}

/** @param {HTMLElement | null} bar @param {number} duration @param {number} share */
function grow(bar, duration, share) {
  bar?.style.setProperty("flex-grow", String(duration));
  bar?.style.setProperty("--share", String(share));
}
