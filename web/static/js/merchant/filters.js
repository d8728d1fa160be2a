import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { ROLES, roleName } from "vitrine/merchant/roles.js";
import { NONE } from "vitrine/merchant/store.js";

/**
 * What of the library is shown; the address keeps it.
 * @param {{store: import("vitrine/merchant/store.js").Store}} props
 */
export function FilterBar({ store }) {
  const filters = store.filters.value;
  const any = Object.values(filters).some(Boolean);
  /** @param {string} name */
  const change = (name) => (/** @type {any} */ event) => store.filter({ [name]: event.currentTarget.value });
  return html`<div class="filter-bar" role="search" aria-label=${t("Filter segments")}>
    <label class="filter-search"><span class="visually-hidden">${t("Search by file, product or tag")}</span>${icon("search")}
      <input class="input" type="search" value=${filters.q} placeholder=${t("File, product or tag")} onInput=${change("q")} /></label>
    <select class="input" aria-label=${t("Product")} value=${filters.product} onChange=${change("product")}>
        <option value="">${t("All products")}</option>
        <option value=${NONE}>${t("No product yet")}</option>
        ${store.products.value.map((each) => html`<option value=${each.id}>${each.title}</option>`)}
    </select>
    <select class="input" aria-label=${t("Role")} value=${filters.role} onChange=${change("role")}>
        <option value="">${t("All roles")}</option>
        ${ROLES.map((each) => html`<option value=${each}>${roleName(each)}</option>`)}
        <option value=${NONE}>${roleName("")}</option>
    </select>
    ${store.tags.value.length > 0 && html`<select class="input" aria-label=${t("Tag")} value=${filters.tag} onChange=${change("tag")}>
        <option value="">${t("All tags")}</option>
        ${store.tags.value.map((each) => html`<option value=${each}>${each}</option>`)}
    </select>`}
    ${filters.clip && html`<span class="chip">${icon("film")}${store.names.value.get(filters.clip) ?? t("One clip")}
      <button type="button" class="chip-close" aria-label=${t("Show all clips")} onClick=${() => store.filter({ clip: "" })}>${icon("x")}</button></span>`}
    ${any && html`<button type="button" class="button button-quiet" onClick=${() => store.filter({ product: "", role: "", tag: "", clip: "", q: "" })}>${t("Clear filters")}</button>`}
  </div>`;
}
