import { html } from "vitrine/html.js";
import { money, t } from "vitrine/i18n.js";

/** @typedef {{amount: number, currency: string}} Price */
/** @typedef {{goods: Price, shipping: Price, total: Price}} Sums */

/**
 * Add up one line as the service does; an order that comes to another total is refused there.
 * @param {Price} price of one piece
 * @param {number} quantity
 * @param {{flat: Price, free_from: Price}} shipping
 * @returns {Sums}
 */
export function sumsOf(price, quantity, shipping) {
  const { currency } = price;
  const goods = price.amount * quantity;
  const sent = goods > 0 && goods < shipping.free_from.amount ? shipping.flat.amount : 0;
  return { goods: { amount: goods, currency }, shipping: { amount: sent, currency }, total: { amount: goods + sent, currency } };
}

/** Goods, delivery and both together. @param {Sums} sums */
export function sumsList({ goods, shipping, total }) {
  return html`<dl class="sums">
    <div><dt>${t("Goods")}</dt><dd>${money(goods)}</dd></div>
    <div><dt>${t("Shipping")}</dt><dd>${shipping.amount === 0 ? t("free") : money(shipping)}</dd></div>
    <div class="sum-total"><dt>${t("Total, incl. VAT")}</dt><dd>${money(total)}</dd></div>
  </dl>`;
}
