import { useEffect, useState } from "preact/hooks";
import { html } from "vitrine/html.js";
import { money, t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";

const STORE = "vitrine-studio-keys";
const KEYS = 9;
const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable]";

/**
 * The products of the show with one button each to show them to everybody; the keys 1 to 9 do the same.
 * @param {{store: import("vitrine/live/store.js").Store, show: import("vitrine/studio/show.js").Show}} props
 */
export function ProductRail({ store, show }) {
  const [keys, setKeys] = useState(localStorage.getItem(STORE) !== "off");
  const products = [...store.products.value.values()];
  useEffect(() => {
    if (!keys) return;
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.target instanceof Element && event.target.matches(TYPING)) return;
      if (document.querySelector("dialog[open]")) return;
      const product = products[Number(event.key) - 1];
      if (/^[1-9]$/.test(event.key) && product) show.pin(product.id, product.id !== store.pinnedId.peek());
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [keys, store.products.value]);
  const toggle = () => {
    localStorage.setItem(STORE, keys ? "off" : "on");
    setKeys(!keys);
  };
  return html`<section class="rail" aria-labelledby="rail-title">
    <div class="row spread">
      <h2 id="rail-title">${t("Products")}</h2>
      <label class="choice small rail-keys"><input type="checkbox" checked=${keys} onChange=${toggle} /> ${t("Keys 1–9 pin")}</label>
    </div>
    <ol class="rail-list">
      ${products.map((product, place) => {
        const pinned = product.id === store.pinnedId.value;
        return html`<li key=${product.id} class=${`rail-item ${pinned ? "rail-pinned" : ""}`}>
          <span class="rail-key" aria-hidden="true">${place < KEYS ? place + 1 : ""}</span>
          ${product.image ? html`<img src=${product.image} alt="" width="96" height="120" loading="lazy" />` : html`<span class="rail-blank">${icon("package")}</span>`}
          <div class="rail-words">
            <strong>${product.title}</strong>
            <span class="small"><span class="price">${money(product.price)}</span> · <span class=${product.stock === 0 ? "rail-out" : "soft"}>${product.stock === 0 ? t("Sold out") : t("{count} left", { count: product.stock })}</span></span>
          </div>
          <button class=${`button ${pinned ? "" : "button-plain"} rail-pin`} aria-pressed=${pinned} aria-label=${pinned ? t("Unpin {title}", { title: product.title }) : t("Pin {title}", { title: product.title })} onClick=${() => show.pin(product.id, !pinned)}>
            ${icon(pinned ? "pin-off" : "pin")}<span>${pinned ? t("Unpin") : t("Pin")}</span>
          </button>
        </li>`;
      })}
    </ol>
  </section>`;
}
