import { ask } from "vitrine/api.js";
import { moment, t } from "vitrine/i18n.js";

/**
 * Show how many things are in the cart; other modules send `cart-changed` when they know better.
 * @param {number} count
 */
function showCartCount(count) {
  for (const badge of document.querySelectorAll("[data-cart-count]")) {
    badge.textContent = String(count);
    /** @type {HTMLElement} */ (badge).hidden = count === 0;
    badge.closest("a")?.setAttribute("aria-label", count ? t("Cart ({count})", { count }) : t("Cart"));
  }
}

for (const time of document.querySelectorAll("time[datetime]")) {
  time.textContent = moment(/** @type {HTMLTimeElement} */ (time).dateTime);
}
document.addEventListener("cart-changed", (event) => showCartCount(/** @type {CustomEvent} */ (event).detail.count));

/** Another tab may have filled or emptied the cart. */
function countCart() {
  if (document.visibilityState === "visible") ask("GET", "/v1/cart/items").then((cart) => showCartCount(cart.count), () => {});
}

for (const tab of document.querySelectorAll(".tabs [aria-current]")) tab.scrollIntoView({ inline: "center", block: "nearest" });
countCart();
document.addEventListener("visibilitychange", countCart);
addEventListener("pageshow", (event) => event.persisted && countCart());
