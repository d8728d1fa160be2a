import { html } from "vitrine/html.js";
import { money, t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";
import { priceNote } from "vitrine/shop/buy.js";

/** @typedef {import("vitrine/live/store.js").Store} Store */
/** @typedef {import("vitrine/shop/buy.js").Product} Product */
/** @typedef {(product: Product, step?: "buy") => void} Open */

const FEW = 5;

/** What is left, where that is worth knowing. @param {number} stock */
function stockNote(stock) {
  if (stock === 0) return html`<span class="chip chip-bad">${t("Sold out")}</span>`;
  if (stock <= FEW) return html`<span class="chip chip-warn">${t("Only {count} left", { count: stock })}</span>`;
  return null;
}

/** @param {{product: Product}} props */
function Picture({ product }) {
  return product.image
    ? html`<img class="shelf-picture" src=${product.image} alt="" width="160" height="200" loading="lazy" />`
    : html`<span class="shelf-picture shelf-blank">${icon("package")}</span>`;
}

/** The one product that the host shows now, announced once. @param {{store: Store, open: Open}} props */
export function PinnedCard({ store, open }) {
  const product = store.pinned.value;
  return html`<div class="pinned-place" aria-live="polite">
    ${product &&
    html`<article class="pinned" key=${product.id} data-pinned=${product.id}>
      <${Picture} product=${product} />
      <div class="pinned-words">
        <p class="pinned-flag">${icon("pin")} ${t("Now in the show")}</p>
        <h2>${product.title}</h2>
        <p class="pinned-price"><span class="price">${priceOf(product)}</span> ${stockNote(product.stock)}</p>
        ${priceNote()}
      </div>
      <div class="pinned-actions">
        <button class="button" disabled=${product.stock === 0} onClick=${() => open(product)}>${product.stock === 0 ? t("Sold out") : t("Buy now")}</button>
      </div>
    </article>`}
  </div>`;
}

/** All products of the show, in the host's order. @param {{store: Store, open: Open}} props */
export function Shelf({ store, open }) {
  return html`<ul class="shelf">
    ${[...store.products.value.values()].map(
      (product) => html`<li key=${product.id}>
        <button class="shelf-item" aria-current=${product.id === store.pinnedId.value ? "true" : undefined} onClick=${() => open(product)}>
          <${Picture} product=${product} />
          <span class="shelf-words">
            ${product.id === store.pinnedId.value && html`<span class="pinned-flag">${icon("pin")} ${t("Now in the show")}</span>`}
            <span class="shelf-title">${product.title}</span>
            <span class="pinned-price"><span class="price">${priceOf(product)}</span> ${stockNote(product.stock)}</span>
            <span class="price-note">${t("incl. VAT, plus")}\u00a0${t("shipping")}</span>
          </span>
          ${icon("chevron-right")}
        </button>
      </li>`,
    )}
  </ul>`;
}

/** @param {Product} product */
function priceOf(product) {
  const several = product.variants.some((variant) => variant.price.amount !== product.price.amount);
  return several ? t("from {price}", { price: money(product.price) }) : money(product.price);
}
