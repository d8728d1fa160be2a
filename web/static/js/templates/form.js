import { useSignal } from "@preact/signals";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { ROLES, roleName } from "vitrine/merchant/roles.js";
import { toast } from "vitrine/toast.js";

const TONES = ["calm", "lively"];
const MOST_OF_TEN = 10;

/**
 * The rules of a template.
 * @param {{store: import("vitrine/templates/store.js").Store}} props
 */
export function TemplateForm({ store }) {
  const problem = useSignal("");
  const draft = store.draft.value;
  const { rules } = draft;
  const left = ROLES.filter((role) => !rules.order.includes(role));
  /** @param {boolean} active */
  const save = async (active) => {
    try {
      await store.save(active);
      problem.value = "";
      toast(active ? t("Published. Videos are made by it from now on.") : t("Saved as a draft"));
    } catch (error) {
      problem.value = /** @type {Error} */ (error).message;
    }
  };
  const remove = () => store.remove().then(() => toast(t("Template deleted")), (error) => (problem.value = error.message));
  /** @param {number} at @param {number} by */
  const move = (at, by) => {
    const order = [...rules.order];
    [order[at], order[at + by]] = [order[at + by], order[at]];
    store.rule({ order });
  };
  /** @param {string} role @param {boolean} on */
  const need = (role, on) => store.rule({ needed: rules.order.filter((each) => (each === role ? on : rules.needed.includes(each))) });
  return html`<form class="card template-form" aria-labelledby="form-title" onSubmit=${(/** @type {Event} */ event) => {
    event.preventDefault();
    save(true);
  }}>
    <h2 id="form-title">${draft.id ? t("Rules") : t("New template")}</h2>
    <div class="field"><label for="t-name">${t("Name")}</label>
      <input class="input" id="t-name" maxlength="80" required value=${draft.name} onInput=${(/** @type {any} */ event) => store.change({ name: event.currentTarget.value })} /></div>
    <div class="field"><label for="t-category">${t("For which products")}</label>
      <select class="input" id="t-category" onChange=${(/** @type {any} */ event) => store.change({ category: event.currentTarget.value || null })}>
        <option value="" selected=${draft.category === null}>${t("For all products")}</option>
        ${store.categories.map((each) => html`<option value=${each.id} selected=${each.id === draft.category}>${each.name}</option>`)}
      </select></div>
    <fieldset class="plain"><legend class="label">${t("Parts in their order")}</legend>
      <ol class="role-order">
        ${rules.order.map((role, at) => html`<li key=${role}>
          <strong>${roleName(role)}</strong>
          <label class="choice small"><input type="checkbox" checked=${rules.needed.includes(role)} onChange=${(/** @type {any} */ event) => need(role, event.currentTarget.checked)} />${t("always")}</label>
          <span class="role-tools">
            <button type="button" class="icon-button" disabled=${at === 0} aria-label=${t("Move {role} up", { role: roleName(role) })} onClick=${() => move(at, -1)}>${icon("arrow-up")}</button>
            <button type="button" class="icon-button" disabled=${at === rules.order.length - 1} aria-label=${t("Move {role} down", { role: roleName(role) })} onClick=${() => move(at, 1)}>${icon("arrow-down")}</button>
            <button type="button" class="icon-button" disabled=${rules.order.length === 1} aria-label=${t("Leave {role} out", { role: roleName(role) })} onClick=${() => store.rule({ order: rules.order.filter((each) => each !== role), needed: rules.needed.filter((each) => each !== role) })}>${icon("x")}</button>
          </span>
        </li>`)}
      </ol>
      ${left.length > 0 && html`<p class="row">${left.map((role) => html`<button type="button" class="button button-plain role-add" onClick=${() => store.rule({ order: [...rules.order, role] })}>${icon("plus")}${roleName(role)}</button>`)}</p>`}
    </fieldset>
    <div class="two">
      <${Seconds} id="t-shortest" label=${t("At least (s)")} value=${rules.shortest_ms} set=${(/** @type {number} */ shortest_ms) => store.rule({ shortest_ms })} />
      <${Seconds} id="t-longest" label=${t("At most (s)")} value=${rules.longest_ms} set=${(/** @type {number} */ longest_ms) => store.rule({ longest_ms })} />
    </div>
    <${Tags} id="t-must" label=${t("Tags that must be in it, two at most")} value=${rules.must_tags} set=${(/** @type {string[]} */ must_tags) => store.rule({ must_tags })} />
    <${Tags} id="t-never" label=${t("Tags that never may")} value=${rules.never_tags} set=${(/** @type {string[]} */ never_tags) => store.rule({ never_tags })} />
    <datalist id="t-tags">${store.tags.map((each) => html`<option value=${each}></option>`)}</datalist>
    <div class="two">
      <div class="field"><label for="t-tone">${t("Tone")}</label>
        <select class="input" id="t-tone" onChange=${(/** @type {any} */ event) => store.rule({ tone: event.currentTarget.value || null })}>
          <option value="" selected=${rules.tone === null}>${toneName("")}</option>
          ${TONES.map((each) => html`<option value=${each} selected=${each === rules.tone}>${toneName(each)}</option>`)}
        </select></div>
      <div class="field"><label for="t-cap">${t("Videos of one brand, of ten in a row")}</label>
        <select class="input" id="t-cap" onChange=${(/** @type {any} */ event) => store.rule({ brand_cap: Number(event.currentTarget.value) || null })}>
          <option value="0" selected=${rules.brand_cap === null}>${t("No limit")}</option>
          ${Array.from({ length: MOST_OF_TEN }, (_, at) => html`<option value=${at + 1} selected=${rules.brand_cap === at + 1}>${t("{count} at most", { count: at + 1 })}</option>`)}
        </select></div>
    </div>
    <label class="choice"><input type="checkbox" checked=${rules.own_language} onChange=${(/** @type {any} */ event) => store.rule({ own_language: event.currentTarget.checked })} />${t("Only in the viewer's language")}</label>
    <label class="choice"><input type="checkbox" checked=${rules.personal} onChange=${(/** @type {any} */ event) => store.rule({ personal: event.currentTarget.checked })} />
      <span>${t("With personal segments")} <a class="small" href="/merchant/personal">${t("Which there are")}</a></span></label>
    ${problem.value && html`<p class="notice notice-bad" role="alert">${icon("circle-x")}<span>${problem.value}</span></p>`}
    <div class="button-row">
      <button class="button" disabled=${!draft.name.trim()}>${icon("check")}${draft.active ? t("Publish changes") : t("Publish")}</button>
      <button type="button" class="button button-plain" disabled=${!draft.name.trim()} onClick=${() => save(false)}>${draft.active ? t("Take back to draft") : t("Save as a draft")}</button>
      ${draft.id && html`<button type="button" class="button button-quiet" onClick=${remove}>${icon("trash-2")}${t("Delete")}</button>`}
    </div>
  </form>`;
}

/** @param {string} tone */
function toneName(tone) {
  switch (tone) {
    case "calm": return t("Calm");
    case "lively": return t("Lively");
    default: return t("As it comes");
  }
}

/** @param {{id: string, label: string, value: number, set: (milliseconds: number) => void}} props */
function Seconds({ id, label, value, set }) {
  return html`<div class="field"><label for=${id}>${label}</label>
    <input class="input" type="number" id=${id} min="1.6" max="60" step="0.1" value=${value / 1000} onChange=${(/** @type {any} */ event) => set(Math.round(Number(event.currentTarget.value) * 1000))} /></div>`;
}

/** @param {{id: string, label: string, value: string[], set: (tags: string[]) => void}} props */
function Tags({ id, label, value, set }) {
  return html`<div class="field"><label for=${id}>${label}</label>
    <input class="input" id=${id} list="t-tags" placeholder=${t("Tags, separated by commas")} value=${value.join(", ")}
      onChange=${(/** @type {any} */ event) => set([...new Set(event.currentTarget.value.split(",").map((/** @type {string} */ each) => each.trim()).filter(Boolean))])} /></div>`;
}
