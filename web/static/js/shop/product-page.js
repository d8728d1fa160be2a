import { buyBox, showBuyBox } from "vitrine/shop/buy.js";
import { hear } from "vitrine/stream.js";

const page = /** @type {HTMLElement} */ (document.querySelector(".product-page"));
const place = /** @type {HTMLElement} */ (page.querySelector("[data-buy]"));
const box = buyBox(JSON.parse(page.dataset.product ?? "{}"), { source: "product" });
showBuyBox(place, box);
hear("stock", (fact) => box.hearStock(fact));
