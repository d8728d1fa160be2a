import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "vitrine/html.js";
import { locale, moment, t } from "vitrine/i18n.js";
import { After } from "vitrine/live/after.js";
import { Hearts } from "vitrine/live/hearts.js";
import { icon } from "vitrine/live/icon.js";
import { rounded } from "vitrine/live/store.js";
import { Timeline } from "vitrine/live/timeline.js";
import { Way } from "vitrine/live/way.js";

/** @typedef {{store: import("vitrine/live/store.js").Store, screen: import("vitrine/live/screen.js").Screen}} Props */

const BACKDROP_SIDE = 24;
const BACKDROP_MILLISECONDS = 1000;
const number = new Intl.NumberFormat(locale, { notation: "compact" });

/** The picture with what lies over it. @param {Props} props */
export function Stage({ store, screen }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const [back, setBack] = useState(false);
  const watchable = store.state.value === "live" || store.state.value === "reconnecting";
  const playing = screen.state.value === "playing" && store.state.value === "live";
  // Keys work while the picture has the focus only, so that nobody who dictates or types hits them (WCAG 2.1.4).
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "m") screen.setMuted(!screen.muted.value);
    else if (event.key === "f") toggleFullscreen(place.current);
  };
  return html`<section
    class="stage"
    ref=${place}
    aria-label=${t("Live video")}
    data-shape=${screen.portrait.value ? "portrait" : "landscape"}
    data-playing=${playing}
    data-picture=${watchable && screen.picture.value !== null}
    onKeyDown=${onKey}
  >
    <${Backdrop} screen=${screen} playing=${playing} />
    <div ref=${screen.mount} class="stage-pictures" role="group" tabindex="0" aria-label=${t("Live video of {host}", { host: store.room.host.name })}></div>
    <div class="stage-scrim" aria-hidden="true"></div>
    <${Middle} store=${store} screen=${screen} />
    <div class="stage-captions" data-captions hidden></div>
    <header class="stage-top">
      <span class="host-face" aria-hidden="true">${[...store.room.host.name][0] ?? "V"}</span>
      <div class="stage-title">
        <h1>${store.room.title}</h1>
        <p>${store.room.host.name}</p>
      </div>
      <${Badges} store=${store} />
      <a class="stage-button stage-leave" href="/live" aria-label=${t("Leave the room")}>${icon("x")}</a>
    </header>
    <div class="stage-tools" hidden=${store.state.value !== "live"}>
      <button class="stage-button" aria-pressed=${screen.muted.value} aria-label=${t("Mute")} onClick=${() => screen.setMuted(!screen.muted.value)}>
        ${icon(screen.muted.value ? "volume-x" : "volume-2")}
      </button>
      ${screen.both && html`<button class="stage-button" aria-expanded=${back} aria-label=${t("Go back in the show")} onClick=${() => setBack(!back)}>${icon("rotate-ccw")}</button>`}
      <button class="stage-button" aria-label=${t("Full screen")} onClick=${() => toggleFullscreen(place.current)}>${icon("maximize")}</button>
    </div>
    ${store.state.value === "live" && html`<${Way} screen=${screen} />`}
    ${back && store.state.value === "live" && html`<${Timeline} screen=${screen} />`}
    ${screen.blocked.value && playing &&
    html`<button class="unmute" onClick=${() => screen.setMuted(false)}>${icon("volume-x")}<span>${t("Turn the sound on")}</span></button>`}
    <${Hearts} store=${store} />
  </section>`;
}

/** What the picture leaves free is filled with its own colours. @param {{screen: Props["screen"], playing: boolean}} props */
function Backdrop({ screen, playing }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => {
    if (!playing) return;
    const context = canvas.current?.getContext("2d");
    const draw = () => {
      const picture = screen.picture.peek();
      if (picture && picture.videoWidth > 0 && !document.hidden) context?.drawImage(picture, 0, 0, BACKDROP_SIDE, BACKDROP_SIDE);
    };
    draw();
    const timer = setInterval(draw, BACKDROP_MILLISECONDS);
    return () => clearInterval(timer);
  }, [playing]);
  return html`<canvas ref=${canvas} class="stage-backdrop" width=${BACKDROP_SIDE} height=${BACKDROP_SIDE} aria-hidden="true"></canvas>`;
}

/** @param {{store: Props["store"]}} props */
function Badges({ store }) {
  const live = store.state.value === "live";
  const viewers = store.viewers.value;
  return html`<p class="stage-badges">
    ${live && html`<span class="chip chip-live">LIVE</span>`}
    ${viewers > 0 &&
    html`<span class="chip chip-glass">${icon("eye")}<span class="visually-hidden">${t("Viewers")}</span> ${number.format(rounded(viewers))}</span>`}
  </p>`;
}

/** What is said in the middle while there is no running picture. @param {Props} props */
function Middle({ store, screen }) {
  const said = sayOf(store, screen);
  return html`<div class="stage-middle" role="status" aria-live="polite">
    ${said &&
    html`<div class="stage-card">
      ${said.busy && html`<span class="spinner" aria-hidden="true"></span>`}
      <p class="stage-say">${said.title}</p>
      ${said.text && html`<p>${said.text}</p>`}
      ${said.until && html`<${Countdown} until=${said.until} />`}
      ${said.retry && html`<button class="button" onClick=${screen.retry}>${t("Try again")}</button>`}
      ${said.after && html`<${After} room=${store.room} />`}
      ${said.leave && html`<a class="button button-plain" href="/live">${t("See other shows")}</a>`}
    </div>`}
  </div>`;
}

/**
 * @param {Props["store"]} store
 * @param {Props["screen"]} screen
 * @returns {{title: string, text?: string, busy?: boolean, until?: string | null, retry?: boolean, leave?: boolean, after?: boolean} | null}
 */
function sayOf(store, screen) {
  const host = store.room.host.name;
  switch (store.state.value) {
    case "ended":
      return { title: t("The show is over"), text: t("Thank you for being here. Everything you saw is still in the list."), leave: true, after: true };
    case "cancelled":
      return { title: t("This show was cancelled"), leave: true };
    case "scheduled":
      return { title: t("The show begins soon"), text: store.room.scheduled_for ? moment(store.room.scheduled_for) : "", until: store.room.scheduled_for };
    case "lobby":
      return { title: t("{host} will be here in a moment", { host }), text: t("Stay here, the picture comes by itself."), busy: true };
    case "reconnecting":
      return { title: t("Back in a moment …"), text: t("The connection of {host} is interrupted.", { host }), busy: true };
  }
  switch (screen.state.value) {
    case "playing":
      return null;
    case "failed":
      return { title: t("The picture does not come through"), text: screen.sentence.value, retry: true };
    case "full":
      return { title: t("This room is full right now"), text: t("We keep trying for you."), busy: true };
    case "stalled":
      return { title: t("Reconnecting …"), busy: true };
    default:
      return { title: t("Connecting …"), busy: true };
  }
}

/** @param {{until: string}} props */
function Countdown({ until }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.floor((Date.parse(until) - now) / 1000));
  const parts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const names = [t("days"), t("hours"), t("min."), t("sec.")];
  // Read every second it would drown everything else.
  return html`<p class="countdown" aria-hidden="true">
    ${parts.map((part, place) => (place > 0 || part > 0) && html`<span><b>${String(part).padStart(2, "0")}</b> ${names[place]}</span>`)}
  </p>`;
}

/** @param {HTMLElement | null} place */
function toggleFullscreen(place) {
  if (document.fullscreenElement) document.exitFullscreen();
  else (place?.closest(".room") ?? place)?.requestFullscreen?.().catch(() => undefined);
}
