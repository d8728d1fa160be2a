import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { NEEDED, ROLES, SHORTEST_VIDEO, roleName } from "vitrine/merchant/roles.js";

/** @typedef {import("vitrine/merchant/coverage-of.js").Covered} Covered */

/**
 * For each product on sale: which parts of a video there are and which are missing.
 * @param {{store: import("vitrine/merchant/store.js").Store}} props
 */
export function CoverageList({ store }) {
  const rows = store.coverage.value;
  if (!rows.length) return null;
  const ready = rows.filter((row) => row.ready).length;
  return html`<details class="coverage" open=${matchMedia("(min-width: 1024px)").matches}>
    <summary><h2>${t("Can videos be made?")}</h2><span class="soft small">${t("{ready} of {all} products", { ready, all: rows.length })}</span></summary>
    <ul>${rows.map((row) => html`<li key=${row.product.id}>
      <button type="button" class="coverage-row" aria-pressed=${store.filters.value.product === row.product.id}
        onClick=${() => store.filter({ product: store.filters.value.product === row.product.id ? "" : row.product.id, clip: "" })}>
        ${row.product.image ? html`<img src=${row.product.image} alt="" width="56" height="56" loading="lazy" />` : html`<span class="coverage-blank">${icon("package")}</span>`}
        <span class="coverage-words">
          <strong>${row.product.title}</strong>
          <span class="coverage-roles" aria-hidden="true">${ROLES.map((role) => html`<span class=${row.roles.has(role) ? "role-there" : NEEDED.includes(role) ? "role-needed" : "role-missing"} title=${roleName(role)}></span>`)}</span>
          <span class=${`small ${row.ready ? "coverage-good" : "coverage-bad"}`}>${verdict(row)}</span>
        </span>
      </button></li>`)}</ul>
    <p class="coverage-more"><a href="/merchant/coverage">${t("The whole coverage map")}</a></p>
  </details>`;
}

/** @param {Covered} row */
function verdict(row) {
  const needed = NEEDED.filter((role) => !row.roles.has(role));
  if (needed.length === 2) return t("No offer and no call to action yet: no video can be made.");
  if (needed[0] === "offer") return t("No offer yet: no video can be made.");
  if (needed[0] === "cta") return t("No call to action yet: no video can be made.");
  if (!row.ready) {
    const seconds = row.seconds.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
    return t("Too short together: {seconds} of {least} s.", { seconds, least: SHORTEST_VIDEO });
  }
  if (row.missing.length) return t("Works. Missing: {roles}", { roles: row.missing.map(roleName).join(", ") });
  if (row.product.stock === 0) return t("Complete, but sold out: not shown.");
  return t("Complete");
}
