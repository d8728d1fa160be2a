import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { Board, Strip, seconds } from "vitrine/templates/board.js";
import { VARIANTS } from "vitrine/templates/store.js";
import { toast } from "vitrine/toast.js";

/** @typedef {import("vitrine/templates/store.js").Video} Video */

/**
 * Many videos of one campaign; one that is not wanted is ruled out.
 * @param {{store: import("vitrine/templates/store.js").Store}} props
 */
export function Variants({ store }) {
  const open = useSignal(/** @type {Video | null} */ (null));
  if (!store.product.value) return null;
  const videos = store.variants.value;
  const make = () => store.campaign().catch((error) => toast(error.message));
  /** @param {Video} video @param {boolean} on */
  const veto = (video, on) => store.veto(video, on).then(
    () => toast(on ? t("Ruled out: this video is not made any more.") : t("Allowed again"),
      on ? { text: t("Undo"), press: () => veto(video, false) } : undefined),
    (error) => toast(error.message));
  return html`<section class="card" aria-labelledby="variants-title">
    <div class="row spread">
      <h2 id="variants-title">${t("A campaign in {count} variants", { count: VARIANTS })}</h2>
      <button type="button" class="button button-plain" disabled=${store.busy.value} onClick=${make}>${icon(videos ? "refresh-cw" : "sparkles")}${videos ? t("Make them anew") : t("Make variants")}</button>
    </div>
    <p class="soft small">${t("Each is as unlike the others as your library allows. Rule out what you do not want to be seen.")}</p>
    ${videos && html`<p class="small" role="status">${videos.length === VARIANTS ? t("{count} variants", { count: videos.length }) : t("{count} variants: more segments make more.", { count: videos.length })}</p>
    <ul class="variants">
      ${videos.map((video, at) => {
        const out = store.vetoed.value.has(video.id);
        const name = t("Variant {number}", { number: at + 1 });
        return html`<li key=${video.id} class=${out ? "variant variant-out" : "variant"} data-variant>
          <button type="button" class="variant-play" aria-haspopup="dialog" aria-label=${t("Play {name}", { name })} onClick=${() => (open.value = video)}><${Strip} video=${video} /></button>
          <div class="variant-foot"><span class="small"><strong>${at + 1}</strong> <span class="soft">${seconds(video.duration)} s</span></span>
            <button type="button" class="button button-quiet" aria-pressed=${out} aria-label=${out ? t("Allow {name} again", { name }) : t("Rule {name} out", { name })} onClick=${() => veto(video, !out)}>${icon(out ? "rotate-ccw" : "x")}${out ? t("Allow again") : t("Rule out")}</button></div>
        </li>`;
      })}
    </ul>`}
    ${open.value && html`<${Play} video=${open.value} close=${() => (open.value = null)} />`}
  </section>`;
}

/** @param {{video: Video, close: () => void}} props */
function Play({ video, close }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  return html`<dialog class="sheet variant-sheet" ref=${dialog} aria-label=${t("Variant")} onClose=${close}
    onClick=${(/** @type {MouseEvent} */ event) => event.target === dialog.current && dialog.current?.close()}>
    <button type="button" class="icon-button variant-close" aria-label=${t("Close")} onClick=${() => dialog.current?.close()}>${icon("x")}</button>
    <div class="person"><${Board} video=${video} label=${t("Variant")} /></div>
  </dialog>`;
}
