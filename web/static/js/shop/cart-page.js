import { signal } from "@preact/signals";
import { render } from "preact";
import { ask, Problem } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { money, t } from "vitrine/i18n.js";
import { priceNote, stockChip } from "vitrine/shop/buy.js";
import { contactForm } from "vitrine/shop/contact.js";

const place = /** @type {HTMLElement} */ (document.getElementById("cart"));
const cart = signal(JSON.parse(place.dataset.cart ?? "{}"));
const contact = signal(JSON.parse(place.dataset.contact ?? "{}"));
const wrong = signal(/** @type {Record<string, string>} */ ({}));
const error = signal("");
const busy = signal(false);
// One key for one intention: pressing twice, or again after a lost answer, orders once.
let key = crypto.randomUUID();

/** @param {() => Promise<void>} work */
async function attempt(work) {
  if (busy.value) return;
  busy.value = true;
  error.value = "";
  try {
    await work();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    error.value = problem.message;
    wrong.value = problem.body.fields ?? {};
    if (["sold-out", "too-few", "total-changed"].includes(problem.code)) showCart(await ask("GET", "/v1/cart/items"));
  } finally {
    busy.value = false;
  }
}

/** @param {any} next */
function showCart(next) {
  cart.value = next;
  key = crypto.randomUUID();
  document.dispatchEvent(new CustomEvent("cart-changed", { detail: next }));
}

/** @param {string} variantId @param {number} quantity */
const change = (variantId, quantity) =>
  attempt(async () => {
    const path = `/v1/cart/items/${variantId}`;
    showCart(quantity < 1 ? await ask("DELETE", path) : await ask("PUT", path, { variant_id: variantId, quantity }));
  });

/** @param {SubmitEvent} event */
function order(event) {
  event.preventDefault();
  attempt(async () => {
    const body = { contact: contact.value, total: cart.value.total, source: "cart" };
    const placed = await ask("POST", "/v1/orders", body, { "Idempotency-Key": key });
    location.assign(`/orders/${placed.id}?placed`);
  });
}

/** @param {any} line */
const row = (line) => html`<li class="cart-line" key=${line.variant_id}>
  ${line.image ? html`<img src=${line.image} alt="" width="80" height="100" />` : html`<span class="product-blank"></span>`}
  <div class="cart-words">
    <a href=${`/products/${line.product_id}`}>${line.title}</a>
    <span class="soft small">${line.label}</span>
    ${line.stock < line.quantity || line.stock <= 5 ? stockChip(line.stock) : null}
  </div>
  <div class="stepper" role="group" aria-label=${t("Quantity of {title}", { title: line.title })}>
    <button class="icon-button" aria-label=${line.quantity > 1 ? t("One fewer") : t("Remove")} onClick=${() => change(line.variant_id, line.quantity - 1)}>−</button>
    <span aria-live="polite">${line.quantity}</span>
    <button class="icon-button" aria-label=${t("One more")} disabled=${line.quantity >= line.stock} onClick=${() => change(line.variant_id, line.quantity + 1)}>+</button>
  </div>
  <span class="price">${money(line.total)}</span>
</li>`;

function View() {
  if (cart.value.count === 0)
    return html`<div class="empty"><p>${t("Your cart is empty.")}</p><a class="button" href="/feed">${t("Open my feed")}</a></div>`;
  return html`<div class="cart-columns">
    <ul class="cart-lines">${cart.value.items.map(row)}</ul>
    <form class="card stack" novalidate onSubmit=${order}>
      <h2>${t("Your order")}</h2>
      ${error.value && html`<p class="notice notice-bad" role="alert"><span>${error.value}</span></p>`}
      ${contactForm(contact, wrong)}
      <dl class="sums">
        <div><dt>${t("Goods")}</dt><dd>${money(cart.value.goods)}</dd></div>
        <div><dt>${t("Shipping")}</dt><dd>${money(cart.value.shipping)}</dd></div>
        <div class="sum-total"><dt>${t("Total, incl. VAT")}</dt><dd>${money(cart.value.total)}</dd></div>
      </dl>
      <button class="button button-wide" disabled=${busy.value}>${t("Order with obligation to pay")}</button>
      <p class="small soft">${t("Nothing is charged yet: payment comes with a later version.")}</p>
      <p>${priceNote()}</p>
    </form>
  </div>`;
}

place.replaceChildren();
render(html`<${View} />`, place);
