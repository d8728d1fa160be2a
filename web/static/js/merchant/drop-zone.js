import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { filesOf, isVideo } from "vitrine/merchant/folders.js";
import { languageChoices, languageName } from "vitrine/merchant/names.js";
import { ROLES, roleHint, roleName } from "vitrine/merchant/roles.js";
import { megabytes } from "vitrine/merchant/uploads.js";

/**
 * Where files come in: dropped, chosen or pasted; with what they are about.
 * @param {{store: import("vitrine/merchant/store.js").Store, queue: import("vitrine/merchant/uploads.js").Queue}} props
 */
export function DropZone({ store, queue }) {
  const over = useSignal(false);
  // The coverage map leads here with what is lacking.
  const asked = new URLSearchParams(location.search);
  const wanted = asked.get("upload") === "1";
  const product = useSignal(wanted ? asked.get("product") ?? "" : "");
  const role = useSignal(wanted ? asked.get("role") ?? "" : "");
  const language = useSignal(wanted ? asked.get("language") ?? "" : "");
  const chooser = useRef(/** @type {HTMLInputElement | null} */ (null));
  const folder = useRef(/** @type {HTMLInputElement | null} */ (null));

  /** @param {Iterable<File> | null | undefined} files */
  const take = (files) => {
    const found = [...(files ?? [])];
    if (found.length) queue.add(found, { product_ids: product.value, role: role.value, language: language.value });
  };

  useEffect(() => {
    // A drop beside the zone would open the file in place of the page.
    /** @param {DragEvent} event */
    const hold = (event) => event.preventDefault();
    /** @param {DragEvent} event */
    const drop = (event) => {
      event.preventDefault();
      over.value = false;
      filesOf(event.dataTransfer).then(take);
    };
    /** @param {ClipboardEvent} event */
    const paste = (event) => take(event.clipboardData?.files);
    /** @param {DragEvent} event */
    const leave = (event) => {
      if (!event.relatedTarget) over.value = false;
    };
    const enter = () => {
      over.value = true;
    };
    /** @type {[string, any][]} */
    const hearers = [["dragover", hold], ["drop", drop], ["paste", paste], ["dragenter", enter], ["dragleave", leave]];
    for (const [kind, hearer] of hearers) document.addEventListener(kind, hearer);
    return () => {
      for (const [kind, hearer] of hearers) document.removeEventListener(kind, hearer);
    };
  }, []);

  return html`<section class=${`drop-zone ${over.value ? "drop-zone-over" : ""}`} aria-labelledby="upload-title">
    <span class="drop-mark">${icon("upload")}</span>
    <div class="drop-words">
      <h2 id="upload-title">${t("Upload clips")}</h2>
      <p class="soft small">${matchMedia("(hover: hover)").matches && t("Drop videos anywhere on this page, paste them, or choose them.")} ${t("MP4, MOV or WebM, up to {most} and 3 minutes.", { most: megabytes(store.limit) })} ${t("The names of folders become tags.")}</p>
    </div>
    <div class="drop-buttons">
      <button type="button" class="button" onClick=${() => chooser.current?.click()}>${icon("plus")}${t("Choose videos")}</button>
      <button type="button" class="button button-quiet" onClick=${() => folder.current?.click()}>${icon("library")}${t("Choose a folder")}</button>
    </div>
    <input ref=${folder} type="file" webkitdirectory hidden data-folder-chooser
      onChange=${(/** @type {Event} */ event) => {
        const input = /** @type {HTMLInputElement} */ (event.currentTarget);
        take([...(input.files ?? [])].filter(isVideo));
        input.value = "";
      }} />
    <input ref=${chooser} type="file" accept="video/*,.mkv,.mov" multiple hidden data-chooser
      onChange=${(/** @type {Event} */ event) => {
        const input = /** @type {HTMLInputElement} */ (event.currentTarget);
        take(input.files);
        input.value = "";
      }} />
    <div class="drop-about">
      <div class="field"><label for="about-product">${t("What these clips show")}</label>
        <select class="input" id="about-product" value=${product.value} onChange=${(/** @type {any} */ event) => (product.value = event.currentTarget.value)}>
          <option value="">${t("Choose the product later")}</option>
          ${store.products.value.map((each) => html`<option value=${each.id}>${each.title}</option>`)}
        </select></div>
      <div class="field"><label for="about-role">${t("Their role in a video")}</label>
        <select class="input" id="about-role" value=${role.value} onChange=${(/** @type {any} */ event) => (role.value = event.currentTarget.value)}>
          <option value="">${t("Choose the role later")}</option>
          ${ROLES.map((each) => html`<option value=${each} title=${roleHint(each)}>${roleName(each)}</option>`)}
        </select></div>
      <div class="field"><label for="about-language">${t("Language spoken or shown")}</label>
        <select class="input" id="about-language" value=${language.value} onChange=${(/** @type {any} */ event) => (language.value = event.currentTarget.value)}>
          <option value="">${t("Choose the language later")}</option>
          ${languageChoices(store.languages).map((each) => html`<option value=${each} selected=${each === language.value}>${languageName(each)}</option>`)}
        </select></div>
    </div>
  </section>`;
}
