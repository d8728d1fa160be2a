import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";

/**
 * How many pieces: a button for one fewer, one for one more.
 * @param {{label: string, value: number, most: number, least?: number, change: (value: number) => void}} props
 */
export function Stepper({ label, value, most, least = 1, change }) {
  return html`<div class="stepper" role="group" aria-label=${label}>
    <button type="button" class="icon-button" aria-label=${value > 1 ? t("One fewer") : least < 1 ? t("Remove") : t("One fewer")} disabled=${value <= least} onClick=${() => change(value - 1)}>−</button>
    <output aria-live="polite">${value}</output>
    <button type="button" class="icon-button" aria-label=${t("One more")} disabled=${value >= most} onClick=${() => change(value + 1)}>+</button>
  </div>`;
}
