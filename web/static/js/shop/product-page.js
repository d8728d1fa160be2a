import { buyBox, showBuyBox } from "vitrine/shop/buy.js";
import { hear } from "vitrine/stream.js";
import { tell, whenRead } from "vitrine/tell.js";

const READ_MILLISECONDS = 10_000;

const page = /** @type {HTMLElement} */ (document.querySelector(".product-page"));
const place = /** @type {HTMLElement} */ (page.querySelector("[data-buy]"));
const product = JSON.parse(page.dataset.product ?? "{}");
const about = { product_id: product.id };
const box = buyBox(product, { source: "product", onAdded: () => tell("Product Added", about) });
showBuyBox(place, box);
hear("stock", (fact) => box.hearStock(fact));
tell("Product Viewed", about);
whenRead(READ_MILLISECONDS, () => tell("Product Dwelled", { ...about, dwell_ms: READ_MILLISECONDS }));
