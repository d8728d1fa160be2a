import { useEffect, useRef } from "preact/hooks";
import { html } from "vitrine/html.js";
import { icon } from "vitrine/icon.js";
import { t } from "vitrine/i18n.js";

/**
 * A modal sheet: the browser keeps the focus inside and gives it back; Esc, the cross and a tap beside it close it.
 * @param {{title: string, onClose: () => void, children?: any}} props
 */
export function Sheet({ title, onClose, children }) {
  const dialog = /** @type {{current: HTMLDialogElement | null}} */ (useRef(null));
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return html`<dialog
    class="sheet"
    aria-labelledby="sheet-title"
    ref=${dialog}
    onClose=${onClose}
    onClick=${(/** @type {MouseEvent} */ event) => event.target === dialog.current && dialog.current?.close()}
  >
    <div class="row spread">
      <h2 id="sheet-title">${title}</h2>
      <button class="icon-button" aria-label=${t("Close")} onClick=${() => dialog.current?.close()}>${icon("x")}</button>
    </div>
    ${children}
  </dialog>`;
}
