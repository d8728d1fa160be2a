import { html } from "vitrine/html.js";

/** The page's own icons have the sprite's address with its hash. */
const sprite = (document.querySelector("svg.icon use")?.getAttribute("href") ?? "/static/vendor/icons.svg").split("#")[0];

/**
 * An ornament that screen readers skip.
 * @param {string} name a symbol of the sprite
 */
export function icon(name) {
  return html`<svg class="icon" aria-hidden="true"><use href=${`${sprite}#${name}`}></use></svg>`;
}
