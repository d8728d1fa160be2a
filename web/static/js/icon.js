import { html } from "vitrine/html.js";

/**
 * An icon of the sprite, an ornament that screen readers skip.
 * @param {string} name
 */
export function icon(name) {
  return html`<svg class="icon" aria-hidden="true"><use href="/static/vendor/icons.svg#${name}"></use></svg>`;
}
