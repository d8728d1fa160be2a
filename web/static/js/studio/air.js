import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "vitrine/html.js";
import { locale, t } from "vitrine/i18n.js";
import { clock } from "vitrine/live/clock.js";
import { icon } from "vitrine/live/icon.js";

/** @typedef {{store: import("vitrine/live/store.js").Store, show: import("vitrine/studio/show.js").Show}} Props */

const kilobits = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const megabits = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** On air or not: unmistakable, with the time and who watches. @param {Props} props */
export function AirBar({ store, show }) {
  const state = store.state.value;
  const [since] = useState(() => (store.room.started_at ? Date.parse(store.room.started_at) : 0));
  const begun = useRef(since);
  const [now, setNow] = useState(Date.now());
  if (state === "live" && !begun.current) begun.current = Date.now();
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const on = state === "live" || state === "reconnecting";
  return html`<p class="air-bar">
    ${state === "live" && html`<span class="chip chip-live">LIVE</span>`}
    ${state === "reconnecting" && html`<span class="chip chip-warn" role="status">${t("Interrupted: viewers see the last picture")}</span>`}
    ${on && html`<span class="chip chip-glass">${icon("clock")} ${clock(Math.max(0, (now - begun.current) / 1000))}</span>`}
    ${on && html`<span class="chip chip-glass">${icon("eye")}<span class="visually-hidden">${t("Viewers")}</span> ${store.viewers.value}</span>`}
    ${show.phase.value === "connecting" && html`<span class="chip chip-glass">${t("Connecting …")}</span>`}
    ${show.phase.value === "reconnecting" && html`<span class="chip chip-warn" role="status">${t("Your connection is interrupted. We are bringing it back …")}</span>`}
  </p>`;
}

/** What leaves this browser, with a sentence first and the figures for who wants them. @param {Props} props */
export function HealthBox({ show }) {
  const health = show.health.value;
  const verdict = show.verdict.value;
  if (!health || !verdict) return null;
  return html`<section class=${`health health-${verdict.level}`} aria-label=${t("Health of the stream")} data-code=${verdict.code}>
    <p class="health-say" role="status">${icon(verdict.level === "good" ? "circle-check" : "triangle-alert")} ${verdict.sentence}</p>
    <dl>
      <div><dt>${t("Upload")}</dt><dd>${megabits.format(health.bitrate / 1e6)} Mbit/s</dd></div>
      <div><dt>${t("Picture")}</dt><dd>${health.width} × ${health.height}</dd></div>
      <div><dt>${t("Frames")}</dt><dd>${health.fps} /s</dd></div>
      <div><dt>${t("Loss")}</dt><dd>${megabits.format(health.loss * 100)} %</dd></div>
      <div><dt>${t("Round trip")}</dt><dd>${Math.round(health.rtt * 1000)} ms</dd></div>
    </dl>
    ${health.layers.length > 1 &&
    html`<ul class="layers" aria-label=${t("Sent in these sizes, one for each network")}>
      ${health.layers.map((layer) => html`<li class="chip" key=${layer.rid}>${Math.min(layer.width, layer.height)}p <span class="soft">${kilobits.format(layer.bitrate / 1000)} kbit/s</span></li>`)}
    </ul>`}
  </section>`;
}

/** 3, 2, 1. @param {Props} props */
export function Count({ show }) {
  if (show.phase.value !== "counting") return null;
  return html`<p class="count" role="status" aria-live="assertive"><span key=${show.count.value}>${show.count.value}</span></p>`;
}

/** Ask before everybody's show is over. @param {{title: string, text: string, yes: string, act: () => void, close: () => void}} props */
export function Confirm({ title, text, yes, act, close }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  return html`<dialog class="sheet" ref=${dialog} aria-labelledby="confirm-title" onClose=${close}>
    <h2 id="confirm-title">${title}</h2>
    <p>${text}</p>
    <p class="button-row">
      <button class="button button-danger" onClick=${() => (act(), dialog.current?.close())}>${yes}</button>
      <button class="button button-plain" onClick=${() => dialog.current?.close()}>${t("Not yet")}</button>
    </p>
  </dialog>`;
}
