import { html } from "vitrine/html.js";

// The address with the hash of its content, which the browser keeps: a page that goes offline still has its icons.
const SPRITE = document.body.dataset.icons ?? "/static/vendor/icons.svg";

/**
 * An icon of the sprite, an ornament that screen readers skip.
 * @param {string} name
 */
export function icon(name) {
  return html`<svg class="icon" aria-hidden="true"><use href="${SPRITE}#${name}"></use></svg>`;
}
