import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { SEASONS, STATES, languageName, seasonName, stateName } from "vitrine/merchant/names.js";
import { ROLES, roleName } from "vitrine/merchant/roles.js";
import { NONE } from "vitrine/merchant/store.js";

const NOTHING = { product: "", role: "", tag: "", clip: "", q: "", language: "", season: "", state: "" };

/**
 * What of the library is shown; the address keeps it.
 * @param {{store: import("vitrine/merchant/store.js").Store}} props
 */
export function FilterBar({ store }) {
  const filters = store.filters.value;
  const any = Object.values(filters).some(Boolean);
  return html`<div class="filter-bar" role="search" aria-label=${t("Filter segments")}>
    <label class="filter-search"><span class="visually-hidden">${t("Search by file, product or tag")}</span>${icon("search")}
      <input class="input" type="search" value=${filters.q} placeholder=${t("File, product or tag")} onInput=${(/** @type {any} */ event) => store.filter({ q: event.currentTarget.value })} /></label>
    <${Choice} store=${store} name="product" label=${t("Product")} all=${t("All products")}
      options=${[[NONE, t("No product yet")], ...store.products.value.map((each) => [each.id, each.title])]} />
    <${Choice} store=${store} name="role" label=${t("Role")} all=${t("All roles")}
      options=${[...ROLES, NONE].map((each) => [each, roleName(each === NONE ? "" : each)])} />
    <${Choice} store=${store} name="state" label=${t("State")} all=${stateName("")} options=${STATES.map((each) => [each, stateName(each)])} />
    ${store.tags.value.length > 0 && html`<${Choice} store=${store} name="tag" label=${t("Tag")} all=${t("All tags")} options=${store.tags.value.map((each) => [each, each])} />`}
    <${Choice} store=${store} name="language" label=${t("Language")} all=${t("All languages")}
      options=${[...store.languages.map((each) => [each, languageName(each)]), [NONE, t("No language stated")]]} />
    <${Choice} store=${store} name="season" label=${t("Season")} all=${t("All seasons")}
      options=${[...SEASONS.map((each) => [each, seasonName(each)]), [NONE, seasonName("")]]} />
    ${filters.clip && html`<span class="chip">${icon("film")}${store.names.value.get(filters.clip) ?? t("One clip")}
      <button type="button" class="chip-close" aria-label=${t("Show all clips")} onClick=${() => store.filter({ clip: "" })}>${icon("x")}</button></span>`}
    ${any && html`<button type="button" class="button button-quiet" onClick=${() => store.filter(NOTHING)}>${t("Clear filters")}</button>`}
  </div>`;
}

/** @param {{store: import("vitrine/merchant/store.js").Store, name: keyof typeof NOTHING, label: string, all: string, options: string[][]}} props */
function Choice({ store, name, label, all, options }) {
  const value = store.filters.value[name];
  return html`<select class=${`input ${value ? "input-set" : ""}`} aria-label=${label} value=${value} onChange=${(/** @type {any} */ event) => store.filter({ [name]: event.currentTarget.value })}>
    <option value="">${all}</option>
    ${options.map(([each, text]) => html`<option value=${each} selected=${each === value}>${text}</option>`)}
  </select>`;
}
