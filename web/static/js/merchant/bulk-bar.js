import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { ROLES, roleName } from "vitrine/merchant/roles.js";
import { tagsOf } from "vitrine/merchant/segment-card.js";
import { toast } from "vitrine/toast.js";

const UNDO_MILLISECONDS = 10_000;

/**
 * One change for all selected segments; an archiving can be undone for a while.
 * @param {{store: import("vitrine/merchant/store.js").Store}} props
 */
export function BulkBar({ store }) {
  const archived = useSignal(/** @type {string[]} */ ([]));
  useEffect(() => {
    if (!archived.value.length) return undefined;
    const timer = setTimeout(() => (archived.value = []), UNDO_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [archived.value]);
  const ids = [...store.selected.value];
  const clear = () => {
    store.selected.value = new Set();
  };
  /** @param {import("vitrine/merchant/store.js").Change} change @param {string[]} [addTags] */
  const apply = async (change, addTags) => {
    try {
      await store.edit(ids, change, addTags);
      toast(t("{count} changed", { count: ids.length }));
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
  };
  const archive = async () => {
    await apply({ archived: true });
    archived.value = ids;
    clear();
  };
  const undo = async () => {
    await store.restore(archived.value).catch((error) => toast(error.message));
    archived.value = [];
  };
  if (!ids.length && !archived.value.length) return null;
  if (!ids.length) {
    return html`<div class="bulk-bar bulk-undo" role="status"><span>${t("{count} archived. Videos are made without them from now on.", { count: archived.value.length })}</span>
      <button type="button" class="button button-plain" onClick=${undo}>${icon("rotate-ccw")}${t("Undo")}</button></div>`;
  }
  return html`<section class="bulk-bar" aria-label=${t("Change the selected segments")}>
    <strong role="status">${t("{count} selected", { count: ids.length })}</strong>
    <select class="input" aria-label=${t("Role for all selected")} value="" onChange=${(/** @type {any} */ event) => {
      apply({ role: event.currentTarget.value });
      event.currentTarget.value = "";
    }}>
      <option value="" disabled>${t("Role")}</option>
      ${ROLES.map((each) => html`<option value=${each}>${roleName(each)}</option>`)}
    </select>
    <select class="input" aria-label=${t("Product for all selected")} value="" onChange=${(/** @type {any} */ event) => {
      apply({ product_id: event.currentTarget.value });
      event.currentTarget.value = "";
    }}>
      <option value="" disabled>${t("Product")}</option>
      ${store.products.value.map((each) => html`<option value=${each.id}>${each.title}</option>`)}
    </select>
    <input class="input" aria-label=${t("Tags to add to all selected, separated by commas")} placeholder=${t("Add tags")} onChange=${(/** @type {any} */ event) => {
      const tags = tagsOf(event.currentTarget.value);
      event.currentTarget.value = "";
      if (tags.length) apply({}, tags);
    }} />
    <button type="button" class="button button-plain" onClick=${archive}>${icon("trash-2")}${t("Archive")}</button>
    <button type="button" class="icon-button" aria-label=${t("Clear the selection")} onClick=${clear}>${icon("x")}</button>
  </section>`;
}
