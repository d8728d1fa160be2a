import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { SEASONS, languageChoices, languageName, seasonName } from "vitrine/merchant/names.js";
import { ROLES, roleName } from "vitrine/merchant/roles.js";
import { tagsOf } from "vitrine/merchant/segment-card.js";
import { toast } from "vitrine/toast.js";

/**
 * One change for all selected segments; each can be undone for a while.
 * @param {{store: import("vitrine/merchant/store.js").Store}} props
 */
export function BulkBar({ store }) {
  const ids = [...store.selected.value];
  if (!ids.length) return null;
  const clear = () => {
    store.selected.value = new Set();
  };
  /** @param {import("vitrine/merchant/store.js").Change} change @param {string[]} [addTags] */
  const apply = async (change, addTags) => {
    try {
      const undo = await store.edit(ids, change, addTags);
      const text = change.archived
        ? t("{count} archived. Videos are made without them from now on.", { count: ids.length })
        : t("{count} changed", { count: ids.length });
      toast(text, { text: t("Undo"), press: () => undo().catch((error) => toast(error.message)) });
      if (change.archived !== undefined) clear();
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
  };
  const archives = store.filters.value.state === "archived";
  return html`<section class="bulk-bar" aria-label=${t("Change the selected segments")}>
    <strong role="status">${t("{count} selected", { count: ids.length })}</strong>
    <${Pick} label=${t("Role for all selected")} name=${t("Role")} options=${ROLES.map((each) => [each, roleName(each)])} pick=${(/** @type {string} */ role) => apply({ role })} />
    <${Pick} label=${t("Product for all selected")} name=${t("Product")} options=${store.products.value.map((each) => [each.id, each.title])} pick=${(/** @type {string} */ product_id) => apply({ product_id })} />
    <${Pick} label=${t("Language for all selected")} name=${t("Language")} options=${languageChoices(store.languages).map((each) => [each, languageName(each)])} pick=${(/** @type {string} */ language) => apply({ language })} />
    <${Pick} label=${t("Season for all selected")} name=${t("Season")} options=${["", ...SEASONS].map((each) => [each, seasonName(each)])} pick=${(/** @type {string} */ season) => apply({ season: season || null })} />
    <${Pick} label=${t("Speech in all selected")} name=${t("Speech")} options=${[["yes", t("There is speech")], ["no", t("No speech")]]} pick=${(/** @type {string} */ speech) => apply({ speech: speech === "yes" })} />
    <input class="input" aria-label=${t("Tags to add to all selected, separated by commas")} placeholder=${t("Add tags")} onChange=${(/** @type {any} */ event) => {
      const tags = tagsOf(event.currentTarget.value);
      event.currentTarget.value = "";
      if (tags.length) apply({}, tags);
    }} />
    <label class="bulk-date"><span class="small">${t("Rights until")}</span><input class="input" type="date" aria-label=${t("Rights until, for all selected")} onChange=${(/** @type {any} */ event) => {
      const day = event.currentTarget.value;
      if (day) apply({ rights_until: endOf(day) });
    }} /></label>
    <button type="button" class="button button-plain" onClick=${() => apply({ archived: !archives })}>${icon(archives ? "rotate-ccw" : "trash-2")}${archives ? t("Bring back") : t("Archive")}</button>
    <button type="button" class="icon-button" aria-label=${t("Clear the selection")} onClick=${clear}>${icon("x")}</button>
  </section>`;
}

/** The end of a day where the merchant is. @param {string} day as a date field gives it */
export function endOf(day) {
  return new Date(`${day}T23:59:59`).toISOString();
}

/** @param {{label: string, name: string, options: string[][], pick: (value: string) => void}} props */
function Pick({ label, name, options, pick }) {
  return html`<select class="input" aria-label=${label} value="none" onChange=${(/** @type {any} */ event) => {
    pick(event.currentTarget.value);
    event.currentTarget.value = "none";
  }}>
    <option value="none" disabled selected>${name}</option>
    ${options.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
  </select>`;
}
