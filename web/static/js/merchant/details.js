import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ask } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { moment, t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { endOf } from "vitrine/merchant/bulk-bar.js";
import { CaptionsEditor } from "vitrine/merchant/captions-editor.js";
import { Cutter } from "vitrine/merchant/cutter.js";
import { SEASONS, languageChoices, languageName, seasonName } from "vitrine/merchant/names.js";
import { ROLES, roleHint, roleName } from "vitrine/merchant/roles.js";
import { saving, segmentName, tagsOf } from "vitrine/merchant/segment-card.js";
import { toast } from "vitrine/toast.js";

/** @typedef {import("vitrine/merchant/store.js").Segment} Segment */
/** @typedef {import("vitrine/merchant/store.js").Store} Store */
/** @typedef {{id: string, version: number, start: number, duration: number, used_in: number, created_at: string, current: boolean}} Version */

/**
 * Everything about one segment, in a dialog: what it is, until when it may be used, what is said in it, its edges.
 * @param {{store: Store}} props
 */
export function Details({ store }) {
  const place = useRef("");
  const id = store.open.value;
  const segments = store.segments.value;
  // A new version has another id at the same place of its clip.
  const segment = segments.find((each) => each.id === id) ?? segments.find((each) => id && placeOf(each) === place.current);
  if (!id || !segment) return null;
  place.current = placeOf(segment);
  return html`<${Sheet} key=${place.current} segment=${segment} store=${store} />`;
}

/** @param {Segment} segment */
function placeOf(segment) {
  return `${segment.clip_id}.${segment.position}`;
}

/** @param {{segment: Segment, store: Store}} props */
function Sheet({ segment, store }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  /** The address of the captions as they are being written. */
  const track = useSignal("");
  const versions = useSignal(/** @type {Version[]} */ ([]));
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    ask("GET", `/v1/segments/${segment.id}`).then((whole) => (versions.value = whole.versions), (error) => toast(error.message));
  }, [segment.id]);
  const name = segmentName(segment, store);
  const save = saving(segment, store);
  return html`<dialog class="sheet details" ref=${dialog} aria-labelledby="details-title" onClose=${() => (store.open.value = "")}
    onClick=${(/** @type {MouseEvent} */ event) => event.target === dialog.current && dialog.current?.close()}>
    <header class="details-head">
      <h2 id="details-title">${name}</h2>
      <button type="button" class="icon-button" aria-label=${t("Close")} onClick=${() => dialog.current?.close()}>${icon("x")}</button>
    </header>
    <div class="details-columns">
      <div class="details-player">
        <video ref=${video} src=${segment.mp4} poster=${segment.poster} controls playsinline preload="metadata" aria-label=${name}>
          ${track.value && html`<track key=${track.value} kind="captions" label=${t("Captions")} src=${track.value} default />`}
        </video>
        <p class="soft small">${t("{seconds} s, version {version}, in {count} videos so far", { seconds: seconds(segment.duration), version: segment.version, count: segment.used_in })}</p>
      </div>
      <div class="details-words">
        <${About} segment=${segment} store=${store} save=${save} />
        <${Until} segment=${segment} save=${save} />
        <${Speech} segment=${segment} save=${save} />
        <${CaptionsEditor} segment=${segment} store=${store} video=${video} track=${track} />
        <${Cutter} segment=${segment} store=${store} video=${video} versions=${versions.value} />
        <section class="details-part row spread">
          <p class="small soft">${t("Archiving takes it out of new videos at once; its files are deleted a day later.")}</p>
          <button type="button" class="button button-plain" onClick=${() => save({ archived: !segment.archived }).then(() => dialog.current?.close())}>
            ${icon(segment.archived ? "rotate-ccw" : "trash-2")}${segment.archived ? t("Bring back") : t("Archive")}</button>
        </section>
      </div>
    </div>
  </dialog>`;
}

/** @typedef {{segment: Segment, save: (change: import("vitrine/merchant/store.js").Change) => Promise<unknown>}} Part */

/** @param {Part & {store: Store}} props */
function About({ segment, store, save }) {
  return html`<section class="details-part" aria-labelledby="about-title">
    <h3 id="about-title">${t("What it is")}</h3>
    <div class="two">
      <${Select} id="d-role" label=${t("Role")} value=${segment.role ?? ""} hint=${roleHint(segment.role ?? "")}
        options=${[["", t("Choose a role")], ...ROLES.map((each) => [each, roleName(each)])]} pick=${(/** @type {string} */ role) => save({ role: role || null })} />
      <${Select} id="d-product" label=${t("Product")} value=${segment.product_id ?? ""}
        options=${[["", segment.category ? t("Whole category") : t("Choose a product")], ...store.products.value.map((each) => [each.id, each.title])]}
        pick=${(/** @type {string} */ product_id) => save({ product_id: product_id || null })} />
      <${Select} id="d-language" label=${t("Language")} value=${segment.language ?? ""}
        options=${[["", t("No language: fits all")], ...languageChoices([...store.languages, ...(segment.language ? [segment.language] : [])]).map((each) => [each, languageName(each)])]}
        pick=${(/** @type {string} */ language) => save({ language: language || null })} />
      <${Select} id="d-season" label=${t("Season")} value=${segment.season ?? ""} options=${["", ...SEASONS].map((each) => [each, seasonName(each)])}
        pick=${(/** @type {string} */ season) => save({ season: season || null })} />
    </div>
    ${segment.role === "hook" && html`<p class="small soft">${t("A hook may open videos of your other products in the same category, too: that is how people find them who know only this one.")}</p>`}
    <div class="field"><label for="d-tags">${t("Tags, separated by commas")}</label>
      <input class="input" id="d-tags" value=${segment.tags.join(", ")} onChange=${(/** @type {any} */ event) => save({ tags: tagsOf(event.currentTarget.value) })} /></div>
  </section>`;
}

/** @param {Part} props */
function Until({ segment, save }) {
  return html`<section class="details-part" aria-labelledby="until-title">
    <h3 id="until-title">${t("When it may be used")}</h3>
    <div class="two">
      <${Day} id="d-from" label=${t("First day")} value=${segment.valid_from} pick=${(/** @type {string} */ day) => save({ valid_from: day ? new Date(`${day}T00:00:00`).toISOString() : null })} />
      <${Day} id="d-until" label=${t("Last day")} value=${segment.valid_until} pick=${(/** @type {string} */ day) => save({ valid_until: day ? endOf(day) : null })} />
      <${Day} id="d-rights" label=${t("Rights end on")} value=${segment.rights_until} pick=${(/** @type {string} */ day) => save({ rights_until: day ? endOf(day) : null })} />
      <div class="field"><label for="d-note">${t("Whose rights, which contract")}</label>
        <input class="input" id="d-note" maxlength="200" value=${segment.rights_note ?? ""} onChange=${(/** @type {any} */ event) => save({ rights_note: event.currentTarget.value || null })} /></div>
    </div>
  </section>`;
}

/** @param {Part} props */
function Speech({ segment, save }) {
  const said = segment.speech;
  const lacks = said === true && !segment.captions.length;
  /** @type {[boolean | null, string][]} */
  const choices = [[true, t("There is speech")], [false, t("No speech")], [null, t("Not stated")]];
  return html`<section class="details-part" aria-labelledby="speech-title">
    <h3 id="speech-title">${t("Speech")}</h3>
    <div class="row" role="radiogroup" aria-labelledby="speech-title">
      ${choices.map(([value, text]) => html`<label class="choice"><input type="radio" name="speech" checked=${said === value} onChange=${() => save({ speech: value })} />${text}</label>`)}
    </div>
    ${said !== true && segment.speech_likely === true && html`<p class="notice notice-warn">${icon("triangle-alert")}<span>${t("The sound resembles speech. Please listen once more.")}</span></p>`}
    ${said === true && segment.speech_likely === false && html`<p class="notice notice-warn">${icon("triangle-alert")}<span>${t("The sound does not resemble speech. Please listen once more.")}</span></p>`}
    ${lacks && html`<div class="notice notice-warn">${icon("captions")}<div>
      <p>${t("Speech without captions is not used in videos: many people watch without sound, and some cannot hear.")}</p>
      <label class="choice"><input type="checkbox" checked=${segment.uncaptioned} onChange=${(/** @type {any} */ event) => save({ uncaptioned: event.currentTarget.checked })} />${t("I know that. Use it without captions.")}</label>
    </div></div>`}
  </section>`;
}

/** @param {{id: string, label: string, value: string, options: string[][], pick: (value: string) => void, hint?: string}} props */
function Select({ id, label, value, options, pick, hint = "" }) {
  return html`<div class="field"><label for=${id}>${label}</label>
    <select class="input" id=${id} value=${value} onChange=${(/** @type {any} */ event) => pick(event.currentTarget.value)}>
      ${options.map(([each, text]) => html`<option value=${each} selected=${each === value}>${text}</option>`)}
    </select>${hint && html`<span class="hint">${hint}</span>`}</div>`;
}

/** @param {{id: string, label: string, value: string | null, pick: (day: string) => void}} props */
function Day({ id, label, value, pick }) {
  return html`<div class="field"><label for=${id}>${label}</label>
    <input class="input" type="date" id=${id} value=${value ? day(value) : ""} title=${value ? moment(value) : ""} onChange=${(/** @type {any} */ event) => pick(event.currentTarget.value)} /></div>`;
}

/** An instant as a date field wants it, where the merchant is. @param {string} iso */
function day(iso) {
  const at = new Date(iso);
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((each) => String(each).padStart(2, "0")).join("-");
}

/** @param {number} value */
export function seconds(value) {
  return value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
}
