import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { FilterBar } from "vitrine/merchant/filters.js";
import { SegmentCard } from "vitrine/merchant/segment-card.js";
import { toast } from "vitrine/toast.js";

const VIEW = "library-view";

/**
 * The segments that were found, as pictures or as a list. The arrow keys go from one to the next, X selects, Enter
 * plays, E opens the details.
 * @param {{store: import("vitrine/merchant/store.js").Store}} props
 */
export function SegmentGrid({ store }) {
  const list = useSignal(localStorage.getItem(VIEW) === "list");
  const grid = useRef(/** @type {HTMLElement | null} */ (null));
  const shown = store.segments.value;
  const narrowed = Object.values(store.filters.value).some(Boolean);
  const empty = !store.total.value && !narrowed;
  /** @param {boolean} on */
  const view = (on) => {
    list.value = on;
    localStorage.setItem(VIEW, on ? "list" : "grid");
  };
  const all = shown.length > 0 && shown.every((segment) => store.selected.value.has(segment.id));
  const selectAll = () => {
    store.selected.value = all ? new Set() : new Set(shown.map((segment) => segment.id));
  };
  return html`<section class="stack segments" aria-labelledby="segments-title" aria-busy=${store.searching.value}>
    <div class="row spread">
      <h2 id="segments-title">${t("Segments")}</h2>
      <p class="soft small" role="status">${t("{count} found", { count: store.total.value })}</p>
    </div>
    ${!empty && html`<${FilterBar} store=${store} />
    <div class="row spread segment-tools">
      <label class="choice small"><input type="checkbox" checked=${all} disabled=${!shown.length} onChange=${selectAll} />${t("Select all shown")}</label>
      <p class="soft small segment-keys">${t("Arrow keys move, X selects, Enter plays, E opens the details.")}</p>
      <div class="segmented" role="group" aria-label=${t("View")}>
        <button type="button" aria-pressed=${!list.value} aria-label=${t("Pictures")} title=${t("Pictures")} onClick=${() => view(false)}>${icon("image")}</button>
        <button type="button" aria-pressed=${list.value} aria-label=${t("List")} title=${t("List")} onClick=${() => view(true)}>${icon("list")}</button>
      </div>
    </div>`}
    ${empty && html`<div class="empty">${icon("film")}<p>${t("Clips that you upload are cut into segments where the scene changes. They appear here.")}</p></div>`}
    ${!empty && !shown.length && html`<div class="empty">${icon("search")}<p>${t("No segment fits these filters.")}</p></div>`}
    <ul class=${list.value ? "segment-list" : "segment-grid"} ref=${grid} onKeyDown=${(/** @type {KeyboardEvent} */ event) => key(event, store, grid.current)}>
      ${shown.map((segment) => html`<${SegmentCard} key=${segment.id} segment=${segment} store=${store} />`)}
    </ul>
    ${store.next.value && html`<p><button type="button" class="button button-plain" onClick=${() => store.more().catch((error) => toast(error.message))}>${t("Show more")}</button></p>`}
  </section>`;
}

/**
 * @param {KeyboardEvent} event
 * @param {import("vitrine/merchant/store.js").Store} store
 * @param {HTMLElement | null} grid
 */
function key(event, store, grid) {
  const target = /** @type {HTMLElement} */ (event.target);
  const card = /** @type {HTMLElement | null} */ (target.closest("[data-segment]"));
  if (!grid || !card || event.ctrlKey || event.metaKey || event.altKey || !target.closest(".segment-picture")) return;
  const cards = /** @type {HTMLElement[]} */ ([...grid.children]);
  const at = cards.indexOf(card);
  const across = cards.filter((each) => each.offsetTop === cards[0].offsetTop).length;
  const steps = /** @type {Record<string, number>} */ ({
    ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, Home: -at, End: cards.length - 1 - at,
  });
  const id = card.dataset.segment ?? "";
  if (event.key in steps) {
    const next = cards[Math.max(0, Math.min(cards.length - 1, at + steps[event.key]))];
    if (event.shiftKey) store.selectTo(id, next.dataset.segment ?? "");
    /** @type {HTMLElement | null} */ (next.querySelector(".segment-play"))?.focus();
  } else if (event.key === "x") {
    store.select(id, !store.selected.value.has(id));
  } else if (event.key === "e") {
    store.open.value = id;
  } else {
    return;
  }
  event.preventDefault();
}
