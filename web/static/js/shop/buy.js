import { signal } from "@preact/signals";
import { render } from "preact";
import { ask, Problem } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { money, t } from "vitrine/i18n.js";
import { contactForm, emptyContact } from "vitrine/shop/contact.js";
import { toast } from "vitrine/toast.js";

/** @typedef {{amount: number, currency: string}} Price */
/** @typedef {{id: string, label: string, options: {name: string, value: string, hex: string | null}[], price: Price, stock: number}} Variant */
/** @typedef {{id: string, title: string, brand: string, description: string, image: string | null, price: Price, stock: number, variants: Variant[]}} Product */

const FEW = 5;

/**
 * Put pieces into the cart and tell the page's badge.
 * @param {string} variantId
 * @param {number} quantity
 */
export async function addToCart(variantId, quantity) {
  const cart = await ask("POST", "/v1/cart/items", { variant_id: variantId, quantity });
  document.dispatchEvent(new CustomEvent("cart-changed", { detail: cart }));
  toast(t("In your cart."));
  return cart;
}

/** @param {number} stock */
export function stockChip(stock) {
  if (stock === 0) return html`<span class="chip chip-bad">${t("Sold out")}</span>`;
  if (stock <= FEW) return html`<span class="chip chip-warn">${t("Only {count} left", { count: stock })}</span>`;
  return html`<span class="chip chip-good">${t("In stock")}</span>`;
}

/** Price, VAT and shipping, as the law wants them beside each other. */
export function priceNote() {
  return html`<span class="price-note">${t("incl. VAT, plus")} <a href="/impressum#shipping" target="_blank">${t("shipping")}</a></span>`;
}

/**
 * The part of a product where one chooses a variant and buys: used on the product page and in the sheet over a video.
 * @param {Product} first what the page knows already
 * @param {{source?: string, onAdded?: (variant: Variant) => void, onOrdered?: (order: any) => void}} [options]
 */
export function buyBox(first, options = {}) {
  const product = signal(first);
  const chosen = signal((first.variants.find((variant) => variant.stock > 0) ?? first.variants[0])?.id ?? "");
  const quantity = signal(1);
  const step = signal(/** @type {"choose" | "address" | "done"} */ ("choose"));
  const contact = signal(emptyContact());
  const wrong = signal(/** @type {Record<string, string>} */ ({}));
  const error = signal("");
  const busy = signal(false);
  const order = signal(/** @type {any} */ (null));
  let key = crypto.randomUUID();

  const variant = () => product.value.variants.find((each) => each.id === chosen.value);

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
      if (["sold-out", "too-few"].includes(problem.code)) {
        key = crypto.randomUUID();
        product.value = await ask("GET", `/v1/products/${product.value.id}`);
      }
    } finally {
      busy.value = false;
    }
  }

  const add = () =>
    attempt(async () => {
      await addToCart(chosen.value, quantity.value);
      const added = variant();
      if (added) options.onAdded?.(added);
    });

  const place = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    attempt(async () => {
      order.value = await ask(
        "POST",
        "/v1/orders",
        { items: [{ variant_id: chosen.value, quantity: quantity.value }], contact: contact.value, source: options.source },
        { "Idempotency-Key": key },
      );
      step.value = "done";
      options.onOrdered?.(order.value);
    });
  };

  const choices = () =>
    html`<fieldset class="variants">
      <legend class="visually-hidden">${t("Choose a variant")}</legend>
      ${product.value.variants.map(
        (each) =>
          html`<label class="variant ${each.stock === 0 ? "variant-out" : ""}">
            <input
              type="radio"
              name="variant-${product.value.id}"
              value=${each.id}
              checked=${each.id === chosen.value}
              disabled=${each.stock === 0}
              onChange=${() => (chosen.value = each.id)}
            />
            <span>${each.label || t("Standard")}${each.stock === 0 ? ` – ${t("Sold out")}` : ""}</span>
          </label>`,
      )}
    </fieldset>`;

  const chooseStep = () => {
    const now = variant();
    const out = !now || now.stock === 0;
    return html`<div class="stack">
      ${product.value.variants.length > 1 && choices()}
      <p class="row">
        <span class="price price-big">${now && money(now.price)}</span>${now && stockChip(now.stock)}
        <label class="quantity"><span>${t("Quantity")}</span>
          <input class="input" type="number" inputmode="numeric" min="1" max="99" value=${quantity.value}
            onInput=${(/** @type {any} */ event) => (quantity.value = Math.min(99, Math.max(1, Number(event.currentTarget.value) || 1)))} />
        </label>
      </p>
      <p>${priceNote()}</p>
      <p class="button-row">
        <button class="button" disabled=${out || busy.value} onClick=${() => (step.value = "address")}>${out ? t("Sold out") : t("Buy now")}</button>
        <button class="button button-plain" disabled=${out || busy.value} onClick=${add}>${t("Add to cart")}</button>
      </p>
    </div>`;
  };

  const addressStep = () =>
    html`<form class="stack" novalidate onSubmit=${place}>
      <p class="row spread"><strong>${quantity.value} × ${product.value.title}</strong><span>${variant()?.label}</span></p>
      ${contactForm(contact, wrong)}
      <p class="row spread"><span>${t("Total, incl. VAT")}</span><span class="price">${money(totalOf(variant(), quantity.value))}</span></p>
      <p class="small soft">${t("plus shipping of 4.90 € below 50.00 €")}</p>
      <p class="button-row">
        <button class="button" disabled=${busy.value}>${t("Order with obligation to pay")}</button>
        <button type="button" class="button button-plain" onClick=${() => (step.value = "choose")}>${t("Back")}</button>
      </p>
    </form>`;

  const doneStep = () =>
    html`<div class="stack" role="status">
      <p class="notice notice-good"><span>${t("Thank you, your order {number} is placed.", { number: order.value.number })}</span></p>
      <p class="row spread"><span>${t("Total with shipping")}</span><span class="price">${money(order.value.total)}</span></p>
      <p><a href=${`/orders/${order.value.id}`} target="_blank">${t("See the order")}</a></p>
    </div>`;

  const view = () => html`<div class="buy-box">
    ${error.value && html`<p class="notice notice-bad" role="alert"><span>${error.value}</span></p>`}
    ${step.value === "choose" ? chooseStep() : step.value === "address" ? addressStep() : doneStep()}
  </div>`;

  return {
    view,
    /** @param {{variant_id: string, stock: number}} fact */
    hearStock(fact) {
      if (!product.value.variants.some((each) => each.id === fact.variant_id)) return;
      const variants = product.value.variants.map((each) => (each.id === fact.variant_id ? { ...each, stock: fact.stock } : each));
      product.value = { ...product.value, variants, stock: variants.reduce((sum, each) => sum + each.stock, 0) };
    },
  };
}

/**
 * @param {Variant | undefined} variant
 * @param {number} quantity
 * @returns {Price}
 */
function totalOf(variant, quantity) {
  return { amount: (variant?.price.amount ?? 0) * quantity, currency: variant?.price.currency ?? "EUR" };
}

/**
 * Draw a buy box into an element that is on the page.
 * @param {Element} place
 * @param {ReturnType<typeof buyBox>} box
 */
export function showBuyBox(place, box) {
  const View = () => box.view();
  place.replaceChildren();
  render(html`<${View} />`, place);
}
