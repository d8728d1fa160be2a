import { useSignal } from "@preact/signals";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { FilterBar } from "vitrine/merchant/filters.js";
import { SegmentCard } from "vitrine/merchant/segment-card.js";

/** More cards at once make a phone slow. */
const PAGE = 60;

/** @param {{store: import("vitrine/merchant/store.js").Store}} props */
export function SegmentGrid({ store }) {
  const most = useSignal(PAGE);
  const shown = store.shown.value;
  const all = store.segments.value.length;
  return html`<section class="stack segments" aria-labelledby="segments-title">
    <div class="row spread">
      <h2 id="segments-title">${t("Segments")}</h2>
      <p class="soft small" role="status">${shown.length === all ? t("{count} in all", { count: all }) : t("{count} of {all}", { count: shown.length, all })}</p>
    </div>
    ${all > 0 && html`<${FilterBar} store=${store} />`}
    ${all === 0 && html`<div class="empty">${icon("film")}<p>${t("Clips that you upload are cut into segments where the scene changes. They appear here.")}</p></div>`}
    ${all > 0 && !shown.length && html`<div class="empty">${icon("search")}<p>${t("No segment fits these filters.")}</p></div>`}
    <ul class="segment-grid">${shown.slice(0, most.value).map((segment) => html`<${SegmentCard} key=${segment.id} segment=${segment} store=${store} />`)}</ul>
    ${shown.length > most.value && html`<p><button type="button" class="button button-plain" onClick=${() => (most.value += PAGE)}>${t("Show more")}</button></p>`}
  </section>`;
}
