import { render } from "preact";
import { ask, Problem } from "vitrine/api.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { buyBox, showBuyBox } from "vitrine/shop/buy.js";
import { hear } from "vitrine/stream.js";
import { toast } from "vitrine/toast.js";

/**
 * Open a product in a sheet over what is running, to choose a variant and buy it without leaving.
 * @param {string} productId
 * @param {{source?: string, onAdded?: (variant: any) => void, onOrdered?: (order: any) => void}} [options]
 * @returns {Promise<HTMLDialogElement | null>} the open sheet; it removes itself when it is closed
 */
export async function openProduct(productId, options = {}) {
  let product;
  try {
    product = await ask("GET", `/v1/products/${productId}`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    toast(problem.message);
    return null;
  }
  const sheet = document.createElement("dialog");
  sheet.className = "sheet product-sheet";
  sheet.setAttribute("aria-labelledby", "sheet-title");

  const head = document.createElement("div");
  head.className = "sheet-head";
  if (product.image) {
    const picture = document.createElement("img");
    picture.src = product.image;
    picture.alt = "";
    head.append(picture);
  }
  const words = document.createElement("div");
  const brand = document.createElement("p");
  brand.className = "soft small";
  brand.textContent = product.brand;
  const title = document.createElement("h2");
  title.id = "sheet-title";
  title.textContent = product.title;
  words.append(brand, title);
  const close = document.createElement("button");
  close.className = "icon-button sheet-close";
  close.setAttribute("aria-label", t("Close"));
  render(icon("x"), close);
  close.addEventListener("click", () => sheet.close());
  head.append(words, close);

  const place = document.createElement("div");
  const text = document.createElement("p");
  text.className = "small soft";
  text.textContent = product.description;
  sheet.append(head, place, text);
  const box = buyBox(product, options);
  const stop = hear("stock", (fact) => box.hearStock(fact));
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  sheet.addEventListener("close", () => {
    stop();
    sheet.remove();
  });
  document.body.append(sheet);
  showBuyBox(place, box);
  sheet.showModal();
  return sheet;
}
