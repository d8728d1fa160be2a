import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";

/** @typedef {import("vitrine/shop/buy.js").Variant} Variant */

const NAMES = () => /** @type {Record<string, string>} */ ({ size: t("Size"), colour: t("Colour"), color: t("Colour"), material: t("Material"), variant: t("Variant") });

/** @param {Variant} variant @param {string} name */
const valueOf = (variant, name) => variant.options.find((option) => option.name === name)?.value;

/**
 * Tell by which options variants differ: empty when they do not have the same options, or share a combination.
 * @param {Variant[]} variants
 * @returns {string[]}
 */
export function differingOptions(variants) {
  const names = [...new Set(variants.flatMap((variant) => variant.options.map((option) => option.name)))];
  const whole = variants.every((variant) => names.every((name) => valueOf(variant, name) !== undefined));
  const combinations = new Set(variants.map((variant) => JSON.stringify(names.map((name) => valueOf(variant, name)))));
  if (!whole || combinations.size !== variants.length) return [];
  return names.filter((name) => new Set(variants.map((variant) => valueOf(variant, name))).size > 1);
}

/**
 * Find the variant that has a value and keeps as much as it can of what was chosen before.
 * @param {Variant[]} variants
 * @param {Variant | undefined} before
 * @param {string} name
 * @param {string} value
 * @returns {Variant | undefined}
 */
export function nearest(variants, before, name, value) {
  const kept = (/** @type {Variant} */ variant) =>
    variant.options.filter((option) => before && valueOf(before, option.name) === option.value).length * 2 + (variant.stock > 0 ? 1 : 0);
  return variants.filter((variant) => valueOf(variant, name) === value).sort((one, other) => kept(other) - kept(one))[0];
}

/**
 * One choice for each option by which the variants differ, or one choice among all variants.
 * @param {{group: string, variants: Variant[], chosen: string, choose: (variantId: string) => void}} props
 */
export function VariantPicker({ group, variants, chosen, choose }) {
  if (variants.length < 2) return null;
  const now = variants.find((variant) => variant.id === chosen);
  const names = differingOptions(variants);
  if (names.length === 0) {
    const choices = variants.map((variant) => ({ key: variant.id, text: variant.label || t("Standard"), hex: null, target: variant }));
    return choice(group, t("Variant"), choices, chosen, choose);
  }
  return names.map((name) => {
    const values = [...new Map(variants.flatMap((variant) => variant.options).filter((option) => option.name === name).map((option) => [option.value, option])).values()];
    const choices = values.map((option) => ({ key: option.value, text: option.value, hex: option.hex, target: nearest(variants, now, name, option.value) }));
    return choice(`${group}-${name}`, NAMES()[name] ?? name, choices, now ? valueOf(now, name) ?? "" : "", choose);
  });
}

/**
 * @param {string} group name of the radio buttons
 * @param {string} legend
 * @param {{key: string, text: string, hex: string | null, target: Variant | undefined}[]} choices
 * @param {string} current key of the chosen one
 * @param {(variantId: string) => void} choose
 */
function choice(group, legend, choices, current, choose) {
  return html`<fieldset class="option" key=${group}>
    <legend>${legend}</legend>
    <div class="variants">
      ${choices.map(({ key, text, hex, target }) => {
        const out = !target || target.stock === 0;
        return html`<label class=${`variant ${out ? "variant-out" : ""}`} key=${key}>
          <input type="radio" name=${group} value=${key} checked=${key === current} onChange=${() => target && choose(target.id)} />
          <span>${hex && html`<i class="swatch" style=${{ background: hex }}></i>`}${text}${out && html`<span class="visually-hidden">, ${t("Sold out")}</span>`}</span>
        </label>`;
      })}
    </div>
  </fieldset>`;
}
