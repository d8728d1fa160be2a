import { signal } from "@preact/signals";
import { render } from "preact";
import { html } from "vitrine/html.js";
import { moment, t } from "vitrine/i18n.js";
import { ChatLog, Composer } from "vitrine/live/chat.js";
import { icon } from "vitrine/live/icon.js";
import { RoomSocket } from "vitrine/live/socket.js";
import { OVER, roomStore } from "vitrine/live/store.js";
import { AirBar, Confirm, Count, HealthBox } from "vitrine/studio/air.js";
import { cameraOf } from "vitrine/studio/camera.js";
import { CameraHelp, Level, Preview, Switches } from "vitrine/studio/check.js";
import { EncoderLive } from "vitrine/studio/encoder.js";
import { Monitor } from "vitrine/studio/monitor.js";
import { ProductRail } from "vitrine/studio/rail.js";
import { showOf, stateName } from "vitrine/studio/show.js";
import { followSource, Source, tab } from "vitrine/studio/source.js";
import { Summary } from "vitrine/studio/summary.js";

/** @typedef {import("vitrine/live/store.js").Store} Store */
/** @typedef {import("vitrine/studio/camera.js").Camera} Camera */
/** @typedef {import("vitrine/studio/show.js").Show} Show */

/** The page on which a host checks, goes live and leads the show. */
class VitrineStudio extends HTMLElement {
  connectedCallback() {
    const store = roomStore(JSON.parse(this.dataset.room ?? "{}"), JSON.parse(this.dataset.me ?? "{}"));
    const camera = cameraOf();
    const show = showOf(store, camera);
    followSource(store, camera, show);
    const socket = new RoomSocket(`${store.room.url}/socket`, { message: store.take, open: (open) => (store.connected.value = open) });
    socket.start();
    // Who was allowed before is not asked again: the picture is simply there.
    navigator.permissions?.query({ name: /** @type {any} */ ("camera") }).then((answer) => {
      if (answer.state === "granted" && tab.value === "camera" && !OVER.has(store.state.value)) camera.start();
    }, () => undefined);
    this.leave = () => {
      show.dispose();
      camera.stop();
      socket.stop();
    };
    addEventListener("pagehide", this.leave);
    this.replaceChildren();
    const send = socket.send.bind(socket);
    render(html`<${Studio} store=${store} camera=${camera} show=${show} send=${send} hasKey=${this.dataset.key === "true"} />`, this);
  }

  disconnectedCallback() {
    this.leave?.();
    render(null, this);
  }
}

const asking = signal(/** @type {"" | "end" | "cancel"} */ (""));

/** @param {{store: Store, camera: Camera, show: Show, send: (message: object) => boolean, hasKey: boolean}} props */
function Studio({ store, camera, show, send, hasKey }) {
  const state = store.state.value;
  const over = OVER.has(state);
  const ours = show.phase.value !== "idle";
  const elsewhere = state === "live" && !ours;
  const fromCamera = tab.value === "camera";
  return html`<div class=${`studio ${over ? "studio-over" : ""}`}>
    <header class="studio-head">
      <a class="icon-button" href="/studio" aria-label=${t("All my shows")}>${icon("arrow-left")}</a>
      <div class="studio-title">
        <h1>${store.room.title}</h1>
        <p class="small soft"><span class="chip">${stateName(state)}</span> ${store.room.scheduled_for && !over && moment(store.room.scheduled_for)}</p>
      </div>
      <a class="button button-plain" href=${store.room.url} target="_blank">${icon("eye")}<span>${t("Viewers' page")}</span></a>
    </header>
    ${over ? html`<${Summary} store=${store} />` : html`<div class="studio-main">
      <div class=${`studio-picture ${state === "live" ? "on-air" : ""}`}>
        ${elsewhere ? html`<${Monitor} store=${store} />` : (ours || fromCamera) && html`<${Preview} camera=${camera} />`}
        ${!elsewhere && fromCamera && html`<${CameraHelp} camera=${camera} />`}
        ${!elsewhere && !ours && !fromCamera && html`<div class="camera-ask">${icon("monitor")}<p>${t("The picture of your encoder appears here.")}</p></div>`}
        <${AirBar} store=${store} show=${show} />
        <${Count} show=${show} />
      </div>
      ${show.sentence.value && html`<p class="notice notice-bad" role="alert">${icon("triangle-alert")} ${show.sentence.value}</p>`}
      <${Controls} store=${store} camera=${camera} show=${show} elsewhere=${elsewhere} />
      <${HealthBox} show=${show} />
      ${!ours && (elsewhere && !fromCamera ? html`<${EncoderLive} store=${store} hasKey=${hasKey} />` : html`<${Source} store=${store} camera=${camera} hasKey=${hasKey} elsewhere=${elsewhere} />`)}
      ${ours && html`<${Level} camera=${camera} />`}
    </div>
    <aside class="studio-side">
      <${ProductRail} store=${store} show=${show} />
      <section class="studio-chat" aria-label=${t("Chat")}>
        <h2>${t("Chat")}</h2>
        <${ChatLog} store=${store} />
        <${Composer} store=${store} send=${send} placeholder=${t("Write as the host …")} />
      </section>
    </aside>`}
    ${asking.value === "end" &&
    html`<${Confirm} title=${t("End the show for everybody?")} text=${t("Viewers see that it is over. It cannot be continued.")} yes=${t("End the show")} act=${show.end} close=${() => (asking.value = "")} />`}
    ${asking.value === "cancel" &&
    html`<${Confirm} title=${t("Cancel this show?")} text=${t("Nobody will be able to open it any more.")} yes=${t("Cancel the show")} act=${show.cancel} close=${() => (asking.value = "")} />`}
  </div>`;
}

/** @param {{store: Store, camera: Camera, show: Show, elsewhere: boolean}} props */
function Controls({ store, camera, show, elsewhere }) {
  const state = store.state.value;
  const begun = state === "live" || state === "reconnecting";
  const idle = show.phase.value === "idle";
  return html`<div class="controls">
    ${(!idle || (tab.value === "camera" && !elsewhere)) && html`<${Switches} camera=${camera} />`}
    ${idle && !elsewhere && tab.value === "camera" &&
    html`<button class="button button-live" disabled=${!camera.stream.value} onClick=${show.goLive}>${icon("radio")} ${state === "reconnecting" ? t("Continue the show") : t("Go live")}</button>`}
    ${show.phase.value === "counting" && html`<button class="button button-plain" onClick=${show.wait}>${t("Not yet")}</button>`}
    ${begun && html`<button class="button button-danger" onClick=${() => (asking.value = "end")}>${icon("square")} ${t("End the show")}</button>`}
    ${state === "scheduled" && html`<button class="button button-plain" onClick=${show.openDoors}>${icon("users")} ${t("Open the doors")}</button>`}
    ${!begun && idle && html`<button class="button button-quiet" onClick=${() => (asking.value = "cancel")}>${t("Cancel the show")}</button>`}
  </div>`;
}

customElements.define("vitrine-studio", VitrineStudio);
