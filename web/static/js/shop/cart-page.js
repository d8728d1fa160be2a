import { signal } from "@preact/signals";
import { render } from "preact";
import { ask, Problem } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { money, t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { stockChip } from "vitrine/shop/buy.js";
import { contactForm } from "vitrine/shop/contact.js";
import { Stepper } from "vitrine/shop/stepper.js";
import { sumsList } from "vitrine/shop/sums.js";
import { hear } from "vitrine/stream.js";
import { uuid } from "vitrine/uuid.js";

const FEW = 5;
const place = /** @type {HTMLElement} */ (document.getElementById("cart"));
const cart = signal(JSON.parse(place.dataset.cart ?? "{}"));
const contact = signal(JSON.parse(place.dataset.contact ?? "{}"));
const wrong = signal(/** @type {Record<string, string>} */ ({}));
const error = signal("");
const busy = signal(false);
// One key for one intention: pressing twice, or again after a lost answer, orders once.
let key = uuid();

/** @type {Promise<void>} */
let last = Promise.resolve();

/** Do one thing after the other, however quickly the buttons are pressed. @param {() => Promise<void>} work */
function attempt(work) {
  const run = () => carryOut(work);
  last = last.then(run, run);
}

/** @param {() => Promise<void>} work */
async function carryOut(work) {
  error.value = "";
  wrong.value = {};
  try {
    await work();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.code === "idempotency-key-reused") return location.assign(`/orders/${problem.body.order_id}?placed`);
    error.value = problem.message;
    wrong.value = problem.body.fields ?? {};
    if (problem.code === "contact") requestAnimationFrame(() => /** @type {HTMLElement | null} */ (place.querySelector("[aria-invalid=true]"))?.focus());
    if (["sold-out", "too-few", "total-changed", "line-unknown", "cart-empty"].includes(problem.code)) showCart(await ask("GET", "/v1/cart/items"));
  }
}

/** @param {any} next */
function showCart(next) {
  cart.value = next;
  key = uuid();
  document.dispatchEvent(new CustomEvent("cart-changed", { detail: next }));
}

/** Another tab may have changed the cart while this one was hidden. */
function lookAgain() {
  if (document.visibilityState !== "visible" || busy.value) return;
  const look = async () => {
    const next = await ask("GET", "/v1/cart/items");
    if (JSON.stringify(next) !== JSON.stringify(cart.value)) showCart(next);
  };
  // what cannot be asked now is asked at the next return, and an order with another total is refused
  last = last.then(look, look).catch(() => {});
}

/** @param {string} variantId @param {number} more pieces, or fewer when it is below nothing */
const change = (variantId, more) =>
  attempt(async () => {
    const line = cart.value.items.find((/** @type {any} */ each) => each.variant_id === variantId);
    if (!line) return;
    const quantity = line.quantity + more;
    const path = `/v1/cart/items/${variantId}`;
    showCart(quantity < 1 ? await ask("DELETE", path) : await ask("PUT", path, { variant_id: variantId, quantity }));
  });

/** @param {SubmitEvent} event */
function order(event) {
  event.preventDefault();
  if (busy.value) return;
  busy.value = true;
  attempt(async () => {
    try {
      const body = { contact: contact.value, total: cart.value.total, source: "cart" };
      const placed = await ask("POST", "/v1/orders", body, { "Idempotency-Key": key });
      location.assign(`/orders/${placed.id}?placed`);
    } finally {
      busy.value = false;
    }
  });
}

/** What to do when fewer are left than are wanted. @param {any} line */
const shortage = (line) => html`<span class="cart-short">
  ${stockChip(line.stock)}
  <button type="button" class="button button-plain" onClick=${() => change(line.variant_id, line.stock - line.quantity)}>
    ${line.stock === 0 ? t("Remove") : t("Take {count}", { count: line.stock })}
  </button>
</span>`;

/** @param {any} line */
const row = (line) => html`<li class=${`cart-line ${line.stock < line.quantity ? "cart-line-short" : ""}`} key=${line.variant_id}>
  ${line.image ? html`<img src=${line.image} alt="" width="80" height="100" />` : html`<span class="product-blank">${icon("package")}</span>`}
  <div class="cart-words">
    <a href=${`/products/${line.product_id}`}>${line.title}</a>
    <span class="soft small">${line.label && `${line.label} · `}${money(line.price)}</span>
    ${line.stock < line.quantity ? shortage(line) : line.stock <= FEW ? stockChip(line.stock) : null}
  </div>
  <${Stepper} label=${t("Quantity of {title}", { title: line.title })} value=${line.quantity} least=${0} most=${line.stock}
    change=${(/** @type {number} */ quantity) => change(line.variant_id, quantity - line.quantity)} />
  <span class="price">${money(line.total)}</span>
</li>`;

function View() {
  if (cart.value.count === 0)
    return html`<div class="empty">${icon("shopping-cart")}<p>${t("Your cart is empty.")}</p><a class="button" href="/products">${t("Look at the products")}</a></div>`;
  return html`<div class="cart-columns">
    <ul class="cart-lines" aria-label=${t("Cart")}>${cart.value.items.map(row)}</ul>
    <form class="card" novalidate onSubmit=${order}>
      <h2>${t("Your order")}</h2>
      ${contactForm(contact, wrong)}
      ${sumsList(cart.value)}
      <p class="small soft">${t("No payment is taken: this installation has no payment provider yet.")}</p>
      ${error.value && html`<p class="notice notice-bad" role="alert">${icon("circle-alert")}<span>${error.value}</span></p>`}
      <button class="button button-wide" aria-disabled=${busy.value}>${t("Order with obligation to pay")}</button>
      <p class="price-note">${t("incl. VAT and shipping")}</p>
    </form>
  </div>`;
}

document.addEventListener("visibilitychange", lookAgain);
addEventListener("pageshow", (event) => event.persisted && lookAgain());
place.replaceChildren();
render(html`<${View} />`, place);
hear("stock", (fact) => {
  if (!cart.value.items.some((/** @type {any} */ line) => line.variant_id === fact.variant_id)) return;
  const items = cart.value.items.map((/** @type {any} */ line) => (line.variant_id === fact.variant_id ? { ...line, stock: fact.stock } : line));
  cart.value = { ...cart.value, items };
});
