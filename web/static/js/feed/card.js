import { html } from "vitrine/html.js";
import { icon } from "vitrine/icon.js";
import { money, t } from "vitrine/i18n.js";
import { addToCart } from "vitrine/shop/buy.js";
import { openProduct as openSheet } from "vitrine/shop/sheet.js";
import { toast } from "vitrine/toast.js";

/**
 * @typedef {import("vitrine/feed/control.js").Control} Control
 * @typedef {import("vitrine/feed/shapes.d.ts").Video} Video
 */

const FEW = 5;

/**
 * The product over its video: what it is, what it costs, how many are left, and the way to buy it without leaving.
 * @param {{at: Control, video: Video, titleId: string}} props
 */
export function ProductCard({ at, video, titleId }) {
  const { product } = video;
  const out = product.stock === 0;
  return html`<div class="feed-card ${out ? "feed-card-out" : ""}" data-product-id=${product.id}>
    <button class="feed-card-face" aria-haspopup="dialog" onClick=${() => openProduct(at, video)}>
      ${
        product.image
          ? html`<img class="feed-card-picture" src=${product.image} alt="" width="64" height="80" />`
          : html`<span class="feed-card-picture feed-card-blank">${icon("package")}</span>`
      }
      <span class="feed-card-words">
        <small>${product.brand}</small>
        <strong id=${titleId}>${product.title}</strong>
        <span class="feed-card-price">
          <span class="price">${from(video)}${money(product.price)}</span>
          ${out ? html`<span class="feed-stock feed-stock-out">${t("Sold out")}</span>` : ""}
          ${!out && product.stock <= FEW ? html`<span class="feed-stock">${t("Only {count} left", { count: product.stock })}</span>` : ""}
        </span>
      </span>
    </button>
    <p class="price-note">${t("incl. VAT, plus")}\u00a0<a href="/impressum#shipping" target="_blank">${t("shipping")}</a></p>
    <button class="button feed-card-add" disabled=${out} onClick=${() => add(at, video)}>
      ${icon("shopping-bag")}<span>${out ? t("Sold out") : t("Add to cart")}</span>
    </button>
  </div>`;
}

/** "from" where variants cost differently. @param {Video} video */
function from({ product }) {
  return new Set(product.variants.map((variant) => variant.price.amount)).size > 1 ? `${t("from")} ` : "";
}

/**
 * The sheet with variants and the order form; the video goes on beneath it.
 * @param {Control} at @param {Video} video
 */
export async function openProduct(at, video) {
  at.react("Product Clicked");
  await openSheet(video.product.id, {
    source: `feed:${video.id}`,
    onAdded: () => at.react("Product Added"),
  });
}

/** One variant goes straight into the cart; several are chosen from first. @param {Control} at @param {Video} video */
async function add(at, video) {
  const { variants } = video.product;
  if (variants.length > 1) return openProduct(at, video);
  try {
    await addToCart(variants[0].id, 1);
    at.react("Product Added");
  } catch (error) {
    toast(/** @type {Error} */ (error).message);
  }
}
