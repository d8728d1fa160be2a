import { signal } from "@preact/signals";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";
import { Devices } from "vitrine/studio/check.js";
import { Encoder } from "vitrine/studio/encoder.js";

/** @typedef {import("vitrine/live/store.js").Store} Store */
/** @typedef {import("vitrine/studio/camera.js").Camera} Camera */
/** @typedef {import("vitrine/studio/show.js").Show} Show */

/** The room in which this browser streamed last: after a reload its show goes on from here. */
const STORE = "vitrine-studio-camera-room";

/** After a reload the server notices within this time that this browser does not stream any longer. */
const NOTICED_MILLISECONDS = 6000;

/** Where the picture of the show comes from: the camera of this device, or an encoder. */
export const tab = signal(/** @type {"camera" | "encoder"} */ ("camera"));

/**
 * Know after a reload, too, whether this browser or an encoder streams.
 * @param {Store} store
 * @param {Camera} camera
 * @param {Show} show
 */
export function followSource(store, camera, show) {
  const begun = store.room.state === "live" || store.room.state === "reconnecting";
  tab.value = begun && localStorage.getItem(STORE) !== store.room.id ? "encoder" : "camera";
  let before = store.room.state;
  store.state.subscribe((state) => {
    if (state === "live" && before !== "live") yieldToEncoder();
    before = state;
  });
  if (before === "live") setTimeout(yieldToEncoder, NOTICED_MILLISECONDS);
  show.phase.subscribe((phase) => {
    if (phase !== "air") return;
    tab.value = "camera";
    localStorage.setItem(STORE, store.room.id);
  });

  function yieldToEncoder() {
    if (store.state.peek() !== "live" || show.phase.peek() !== "idle") return;
    if (localStorage.getItem(STORE) === store.room.id) localStorage.removeItem(STORE);
    tab.value = "encoder";
    // Two pictures of one show would only confuse, and a camera that nobody uses should not be on.
    camera.stop();
  }
}

/** @param {{store: Store, camera: Camera, hasKey: boolean, elsewhere: boolean}} props */
export function Source({ store, camera, hasKey, elsewhere }) {
  const choose = (/** @type {"camera" | "encoder"} */ wish) => (tab.value = wish);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    choose(tab.value === "camera" ? "encoder" : "camera");
    document.getElementById(`tab-${tab.value}`)?.focus();
  };
  const names = { camera: t("Camera of this device"), encoder: t("OBS or FFmpeg") };
  return html`<section class="source">
    <div class="tabs" role="tablist" aria-label=${t("Where the picture comes from")} onKeyDown=${onKey}>
      ${/** @type {const} */ (["camera", "encoder"]).map(
        (name) => html`<button role="tab" id=${`tab-${name}`} aria-selected=${tab.value === name} aria-controls="source-panel" tabindex=${tab.value === name ? 0 : -1} onClick=${() => choose(name)}>
          ${icon(name === "camera" ? "camera" : "monitor")} ${names[name]}
        </button>`,
      )}
    </div>
    <div id="source-panel" role="tabpanel" aria-labelledby=${`tab-${tab.value}`}>
      ${tab.value === "encoder"
        ? html`<${Encoder} store=${store} hasKey=${hasKey} />`
        : camera.stream.value
          ? html`<${Devices} camera=${camera} />`
          : html`<p class="soft small">${elsewhere ? t("Another program is streaming in this room right now.") : t("Choose camera and microphone once they are on.")}</p>`}
    </div>
  </section>`;
}
