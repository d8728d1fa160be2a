import { signal } from "@preact/signals";
import { render } from "preact";
import { ask, Problem } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { money, t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { contactForm, emptyContact } from "vitrine/shop/contact.js";
import { VariantPicker } from "vitrine/shop/options.js";
import { Stepper } from "vitrine/shop/stepper.js";
import { sumsList, sumsOf } from "vitrine/shop/sums.js";
import { toast } from "vitrine/toast.js";
import { uuid } from "vitrine/uuid.js";

/** @typedef {import("vitrine/shop/sums.js").Price} Price */
/** @typedef {{id: string, label: string, options: {name: string, value: string, hex: string | null}[], price: Price, stock: number}} Variant */
/** @typedef {{id: string, title: string, brand: string, description: string, image: string | null, price: Price, stock: number, shipping: {flat: Price, free_from: Price}, variants: Variant[]}} Product */

const FEW = 5;
const MOST_PIECES = 99;
const ADDED_MILLISECONDS = 3000;

/**
 * Put pieces into the cart and tell the page's badge.
 * @param {string} variantId
 * @param {number} quantity
 */
export async function addToCart(variantId, quantity) {
  const cart = await ask("POST", "/v1/cart/items", { variant_id: variantId, quantity });
  document.dispatchEvent(new CustomEvent("cart-changed", { detail: cart }));
  toast(t("In your cart."), { href: "/cart", text: t("Cart") });
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
  return html`<span class="price-note">${t("incl. VAT, plus")}\u00a0<a href="/impressum#shipping" target="_blank">${t("shipping")}</a></span>`;
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
  const added = signal(false);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let fading;
  const order = signal(/** @type {any} */ (null));
  // One key for one intention: pressing twice, or again after a lost answer, orders once.
  let key = uuid();
  /** @type {HTMLElement | null} */
  let root = null;

  const variant = () => product.value.variants.find((each) => each.id === chosen.value);
  const sums = () => {
    const { price } = variant() ?? product.value;
    return sumsOf(price, quantity.value, product.value.shipping);
  };

  /** Put the focus where reading goes on, after the next drawing. @param {string} selector */
  const focusOn = (selector) => requestAnimationFrame(() => /** @type {HTMLElement | null | undefined} */ (root?.querySelector(selector))?.focus());

  /** @param {() => Promise<void>} work */
  async function attempt(work) {
    if (busy.value) return;
    busy.value = true;
    error.value = "";
    wrong.value = {};
    try {
      await work();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      await explain(problem);
    } finally {
      busy.value = false;
    }
  }

  /** @param {Problem} problem */
  async function explain(problem) {
    error.value = problem.message;
    wrong.value = problem.body.fields ?? {};
    if (problem.code === "contact") focusOn("[aria-invalid=true]");
    if (problem.code === "idempotency-key-reused") {
      finish(await ask("GET", `/v1/orders/${problem.body.order_id}`));
    } else if (["sold-out", "too-few", "total-changed"].includes(problem.code)) {
      key = uuid();
      product.value = await ask("GET", `/v1/products/${product.value.id}`);
      const left = variant()?.stock ?? 0;
      quantity.value = Math.max(1, Math.min(quantity.value, left));
      if (left === 0) show("choose");
    }
  }

  /** @param {"choose" | "address" | "done"} next */
  function show(next) {
    step.value = next;
    focusOn(next === "choose" ? "button" : "[data-heading]");
  }

  /** @param {any} placed */
  function finish(placed) {
    error.value = "";
    order.value = placed;
    show("done");
    options.onOrdered?.(placed);
  }

  const add = () =>
    attempt(async () => {
      await addToCart(chosen.value, quantity.value);
      added.value = true;
      clearTimeout(fading);
      fading = setTimeout(() => (added.value = false), ADDED_MILLISECONDS);
      const bought = variant();
      if (bought) options.onAdded?.(bought);
    });

  const buy = () => {
    error.value = "";
    show("address");
    const untouched = contact.value;
    ask("GET", "/v1/me/contact").then(
      (last) => contact.value === untouched && (contact.value = last),
      () => {}, // it only saves typing
    );
  };

  const place = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    attempt(async () => {
      const items = [{ variant_id: chosen.value, quantity: quantity.value }];
      const wish = { items, contact: contact.value, total: sums().total, source: options.source };
      finish(await ask("POST", "/v1/orders", wish, { "Idempotency-Key": key }));
    });
  };

  const again = () => {
    key = uuid();
    quantity.value = 1;
    show("choose");
  };

  const chooseStep = () => {
    const now = variant();
    const out = !now || now.stock === 0;
    const choose = (/** @type {string} */ id) => {
      chosen.value = id;
      quantity.value = Math.max(1, Math.min(quantity.value, variant()?.stock ?? 1));
    };
    return html`<div class="buy-step">
      <div class="buy-price"><span class="price price-big" data-price>${now && money(now.price)}</span><span data-stock role="status">${now && stockChip(now.stock)}</span>
        <span>${priceNote()}</span>
      </div>
      <${VariantPicker} group=${`variant-${product.value.id}`} variants=${product.value.variants} chosen=${chosen.value} choose=${choose} />
      <div class="buy-actions">
        <${Stepper} label=${t("Quantity")} value=${quantity.value} most=${Math.min(MOST_PIECES, now?.stock ?? 1)} change=${(/** @type {number} */ value) => (quantity.value = value)} />
        <div class="button-row">
          <button type="button" class="button" disabled=${out} aria-disabled=${busy.value} onClick=${buy}>${out ? t("Sold out") : t("Buy now")}</button>
          <button type="button" class="button button-plain" disabled=${out} aria-disabled=${busy.value} onClick=${add}>${added.value && icon("check")}<span aria-live="polite">${added.value ? t("In your cart") : t("Add to cart")}</span></button>
        </div>
      </div>
    </div>`;
  };

  const addressStep = () =>
    html`<form class="buy-step" novalidate onSubmit=${place}>
      <h2 class="buy-title" tabindex="-1" data-heading>${t("Where to?")}</h2>
      ${contactForm(contact, wrong, "buy")}
      <div class="buy-line"><span><strong>${quantity.value} × ${product.value.title}</strong><br /><span class="soft small">${variant()?.label}</span></span><span class="price">${money(sums().goods)}</span></div>
      ${sumsList(sums())}
      <p class="small soft">${t("No payment is taken: this installation has no payment provider yet.")}</p>
      ${complaint()}
      <div class="buy-go">
        <button class="button" aria-disabled=${busy.value}>${t("Order with obligation to pay")}</button>
        <button type="button" class="button button-plain" onClick=${() => show("choose")}>${t("Back")}</button>
      </div>
    </form>`;

  const doneStep = () =>
    html`<div class="buy-step buy-done">
      <h2 class="buy-title notice notice-good" tabindex="-1" data-heading>${icon("circle-check")}<span>${t("Thank you, your order {number} is placed.", { number: order.value.number })}</span></h2>
      <p>${t("Total with shipping")}: <span class="price">${money(order.value.total)}</span></p>
      <p class="button-row">
        <a class="button button-plain" href=${`/orders/${order.value.id}`} target="_blank">${t("See the order")}</a>
        <button type="button" class="button button-quiet" onClick=${again}>${t("Buy more")}</button>
      </p>
    </div>`;

  const complaint = () => error.value && html`<p class="notice notice-bad" role="alert">${icon("circle-alert")}<span>${error.value}</span></p>`;

  const view = () => html`<div class="buy-box" ref=${(/** @type {HTMLElement | null} */ element) => (root = element)}>
    ${step.value === "choose" ? [complaint(), chooseStep()] : step.value === "address" ? addressStep() : doneStep()}
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
 * Draw a buy box into an element that is on the page.
 * @param {Element} place
 * @param {ReturnType<typeof buyBox>} box
 */
export function showBuyBox(place, box) {
  const View = () => box.view();
  place.replaceChildren();
  render(html`<${View} />`, place);
}
