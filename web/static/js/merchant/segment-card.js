import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { lackName, languageName } from "vitrine/merchant/names.js";
import { ROLES, roleHint, roleName } from "vitrine/merchant/roles.js";
import { toast } from "vitrine/toast.js";

/** @typedef {import("vitrine/merchant/store.js").Segment} Segment */
/** @typedef {import("vitrine/merchant/store.js").Store} Store */

/** The segment whose box was pressed last: with the shift key the next press selects all from there. */
let last = "";

/** @param {string} text */
export function tagsOf(text) {
  return [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
}

/** @param {Segment} segment @param {Store} store */
export function segmentName(segment, store) {
  return t("{file}, segment {number}", { file: store.names.value.get(segment.clip_id) ?? t("Clip"), number: segment.position + 1 });
}

/** What keeps changes of one segment and says how it went. @param {Segment} segment @param {Store} store */
export function saving(segment, store) {
  return (/** @type {import("vitrine/merchant/store.js").Change} */ change) => store.edit([segment.id], change).then(
    () => toast(t("Saved")),
    (error) => {
      toast(error.message);
      // draws the fields as they are kept
      store.segments.value = [...store.segments.value];
    });
}

/**
 * One segment: its picture, which plays, and what the merchant says of it.
 * @param {{segment: Segment, store: Store}} props
 */
export function SegmentCard({ segment, store }) {
  const selected = store.selected.value.has(segment.id);
  const name = segmentName(segment, store);
  const save = saving(segment, store);
  return html`<li class=${`segment ${selected ? "segment-selected" : ""}`} data-segment=${segment.id}>
    <div class="segment-picture">
      <${Preview} segment=${segment} name=${name} />
      <label class="segment-check"><input type="checkbox" checked=${selected} aria-label=${t("Select {name}", { name })}
        onClick=${(/** @type {MouseEvent} */ event) => {
          const box = /** @type {HTMLInputElement} */ (event.currentTarget);
          if (event.shiftKey && last) store.selectTo(last, segment.id);
          store.select(segment.id, box.checked);
          last = segment.id;
        }} /></label>
    </div>
    <div class="segment-fields">
      <select class=${`input segment-role ${segment.role ? "" : "input-open"}`} aria-label=${t("Role of {name}", { name })} value=${segment.role ?? ""}
        title=${roleHint(segment.role ?? "")}
        onChange=${(/** @type {any} */ event) => save({ role: event.currentTarget.value || null })}>
        <option value="">${t("Choose a role")}</option>
        ${ROLES.map((each) => html`<option value=${each} title=${roleHint(each)}>${roleName(each)}</option>`)}
      </select>
      <select class=${`input ${segment.product_id || segment.category ? "" : "input-open"}`} aria-label=${t("Product of {name}", { name })} value=${segment.product_id ?? ""}
        onChange=${(/** @type {any} */ event) => save({ product_id: event.currentTarget.value || null })}>
        <option value="">${segment.category ? t("Whole category") : t("Choose a product")}</option>
        ${store.products.value.map((each) => html`<option value=${each.id}>${each.title}</option>`)}
      </select>
      <input class="input" aria-label=${t("Tags of {name}, separated by commas", { name })} placeholder=${t("Tags")} value=${segment.tags.join(", ")}
        onChange=${(/** @type {any} */ event) => save({ tags: tagsOf(event.currentTarget.value) })} />
      ${!segment.role && segment.proposal && html`<button type="button" class="button button-plain segment-proposal"
        onClick=${() => save({ role: segment.proposal?.role, tags: [...new Set([...segment.tags, ...(segment.proposal?.tags ?? [])])] })}>
        ${icon("sparkles")}<span>${useOf(segment.proposal)}</span><span class="visually-hidden">: ${name}</span></button>`}
      <div class="segment-foot">
        <${Marks} segment=${segment} />
        <button type="button" class="button button-quiet segment-more" aria-haspopup="dialog" aria-label=${t("Details of {name}", { name })} onClick=${() => (store.open.value = segment.id)}>${icon("pencil")}${t("Details")}</button>
      </div>
    </div>
  </li>`;
}

/** What a press on the proposal does. @param {{role: string, tags: string[]}} proposal */
function useOf({ role, tags }) {
  if (!tags.length) return t("Use: {role}", { role: roleName(role) });
  const values = { role: roleName(role), tags: tags.join(", ") };
  return tags.length === 1 ? t("Use: {role}, tag {tags}", values) : t("Use: {role}, tags {tags}", values);
}

/** What stands in the way of videos with it, and what else is worth knowing. @param {{segment: Segment}} props */
function Marks({ segment }) {
  const soon = Date.now() + 30 * 86_400_000;
  const ends = [segment.rights_until, segment.valid_until].some((each) => each && Date.parse(each) > Date.now() && Date.parse(each) < soon);
  return html`<p class="segment-marks">
    ${segment.lacks.filter((each) => each !== "role" && each !== "product").map((each) => html`<span class="chip chip-bad">${lackName(each)}</span>`)}
    ${segment.findings.map((each) => html`<span class="chip chip-warn">${findingName(each)}</span>`)}
    ${segment.recut?.state === "queued" && html`<span class="chip">${t("Being cut")}</span>`}
    ${segment.recut?.state === "failed" && html`<span class="chip chip-bad">${t("Cut failed")}</span>`}
    ${segment.speech === null && segment.speech_likely && html`<span class="chip chip-warn">${t("Speech?")}</span>`}
    ${ends && html`<span class="chip chip-warn">${icon("clock")}${t("Ends soon")}</span>`}
    ${segment.captions.length > 0 && html`<span class="chip" title=${segment.captions.map(languageName).join(", ")}>${icon("captions")}${segment.captions.join(", ")}</span>`}
    ${segment.used_in > 0 && html`<span class="chip" title=${t("Videos made with it")}>${icon("clapperboard")}${segment.used_in}</span>`}
  </p>`;
}

/** What the look at the footage found. @param {string} code */
function findingName(code) {
  switch (code) {
    case "black": return t("Black");
    case "blurred": return t("Out of focus");
    case "shaky": return t("Shaky");
    default: return t("Flashes");
  }
}

/**
 * The picture; plays in silence under the pointer or the focus, with sound when it is pressed.
 * @param {{segment: Segment, name: string}} props
 */
function Preview({ segment, name }) {
  /** @type {import("@preact/signals").Signal<"" | "silent" | "loud">} */
  const playing = useSignal(/** @type {"" | "silent" | "loud"} */ (""));
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const peek = () => {
    if (!calm && !playing.value) playing.value = "silent";
  };
  const stop = () => {
    playing.value = "";
  };
  const press = () => {
    playing.value = playing.value === "loud" ? "" : "loud";
    if (video.current) video.current.currentTime = 0;
  };
  const loud = playing.value === "loud";
  return html`<button type="button" class="segment-play" aria-pressed=${loud} aria-label=${loud ? t("Stop {name}", { name }) : t("Play {name}", { name })}
    onMouseEnter=${peek} onFocus=${peek} onMouseLeave=${stop} onBlur=${stop} onClick=${press}>
    <img src=${segment.thumbnail} alt="" width="270" height="480" loading="lazy" />
    ${playing.value && html`<video ref=${video} src=${segment.mp4} autoplay loop playsinline muted=${!loud}></video>`}
    <span class="segment-facts">${segment.duration.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 })} s${!segment.has_sound && icon("volume-x")}</span>
    ${!playing.value && html`<span class="segment-start">${icon("play")}</span>`}
  </button>`;
}
