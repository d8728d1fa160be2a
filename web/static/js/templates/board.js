import { useSignal } from "@preact/signals";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { languageName } from "vitrine/merchant/names.js";
import { Save } from "vitrine/save.js";
import { Sheet } from "vitrine/sheet.js";

/**
 * A video with its parts and why each is there.
 * @param {{video: import("vitrine/templates/store.js").Video, label: string}} props
 */
export function Board({ video, label }) {
  const saving = useSignal(false);
  return html`<video class="board-video" key=${video.id} src=${video.mp4} poster=${video.poster} controls playsinline preload="none" aria-label=${label}>
      <track kind="captions" src=${video.captions} label=${t("Captions")} default />
    </video>
    <div class="board-foot"><p class="soft small">${t("{seconds} s in {count} parts", { seconds: seconds(video.duration), count: video.segments.length })}</p>
      <button type="button" class="button button-plain" aria-haspopup="dialog" onClick=${() => (saving.value = true)}>${icon("download")}${t("Save as a file")}</button></div>
    ${saving.value && html`<${Sheet} title=${t("Save this video")} onClose=${() => (saving.value = false)}><${Save} video=${video} /><//>`}
    <ol class="board-parts">
      ${video.segments.map((each) => html`<li key=${each.id}>
        <img src=${each.thumbnail} alt="" width="45" height="80" loading="lazy" />
        <span><strong>${each.role_name}</strong><span class="soft small"> ${seconds(each.duration)} s</span><br /><span class="small">${each.reason}</span>
          ${each.lent_by && html`<br /><span class="small soft">${t("Lent by “{product}”: a hook may open videos of your other products in its category.", { product: each.lent_by })}</span>`}</span>
      </li>`)}
    </ol>`;
}

/** The parts of a video as a row of pictures. @param {{video: import("vitrine/templates/store.js").Video}} props */
export function Strip({ video }) {
  return html`<span class="strip">${video.segments.map((each) => html`<img key=${each.id} src=${each.thumbnail} alt="" width="54" height="96" loading="lazy" />`)}</span>`;
}

/** @param {number} value */
export function seconds(value) {
  return value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
}

export { languageName };
