import { useEffect, useMemo, useRef } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";
import { Shelf } from "vitrine/live/shelf.js";
import { buyBox } from "vitrine/shop/buy.js";
import { tell } from "vitrine/tell.js";
import { toast } from "vitrine/toast.js";

/** @typedef {import("vitrine/live/store.js").Store} Store */
/** @typedef {import("vitrine/shop/buy.js").Product} Product */

/**
 * A sheet beside or under the picture, which plays on; the focus goes back where it was.
 * @param {{label: string, close: () => void, children?: any}} props
 */
function Sheet({ label, close, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  const onClick = (/** @type {MouseEvent} */ event) => event.target === dialog.current && dialog.current?.close();
  return html`<dialog class="sheet room-sheet" ref=${dialog} aria-label=${label} onClose=${close} onClick=${onClick}>
    <div class="room-sheet-inside">
      <button class="icon-button room-sheet-close" aria-label=${t("Close")} onClick=${() => dialog.current?.close()}>${icon("x")}</button>
      ${children}
    </div>
  </dialog>`;
}

/** Choose a variant and buy it. @param {{store: Store, product: Product, close: () => void}} props */
export function ProductSheet({ store, product, close }) {
  const about = { product_id: product.id, room_id: store.room.id };
  const onAdded = () => tell("Product Added", about);
  const box = useMemo(() => buyBox(product, { source: `room:${store.room.id}`, onAdded }), [product.id]);
  useEffect(() => tell("Product Clicked", about), [product.id]);
  const now = store.products.value.get(product.id) ?? product;
  useEffect(() => {
    for (const variant of now.variants) box.hearStock({ variant_id: variant.id, stock: variant.stock });
  }, [now]);
  const View = useMemo(() => () => box.view(), [box]);
  return html`<${Sheet} label=${product.title} close=${close}>
    <div class="sheet-head">
      ${product.image && html`<img src=${product.image} alt="" width="160" height="200" />`}
      <div>
        <p class="soft small">${product.brand}</p>
        <h2>${product.title}</h2>
        <p class="small sheet-text">${product.description}</p>
      </div>
    </div>
    <${View} />
  <//>`;
}

/** All products of the show. @param {{store: Store, open: (product: Product) => void, close: () => void}} props */
export function BagSheet({ store, open, close }) {
  const unwanted = () => {
    tell("Not Interested", { room_id: store.room.id, scope: "host" });
    toast(t("Done. Shows by {host} do not come in your feed again.", { host: store.room.host.name }));
    close();
  };
  return html`<${Sheet} label=${t("Products in this show")} close=${close}>
    <h2>${t("Products in this show")}</h2>
    <${Shelf} store=${store} open=${open} />
    <p class="button-row"><a class="button button-plain" href="/cart" target="_blank">${icon("shopping-cart")} ${t("Open the cart")}</a>
      ${"tells" in document.body.dataset && html`<button class="button button-plain" onClick=${unwanted}>${icon("eye-off")} ${t("No more shows by {host}", { host: store.room.host.name })}</button>`}</p>
  <//>`;
}
