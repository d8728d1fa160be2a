import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";

/** @typedef {{name: string, email: string, street: string, postcode: string, city: string, country: string}} Contact */

/** @returns {Contact} */
export function emptyContact() {
  return { name: "", email: "", street: "", postcode: "", city: "", country: "DE" };
}

const FIELDS = /** @type {const} */ ([
  ["name", "name", "text"],
  ["email", "email", "email"],
  ["street", "street-address", "text"],
  ["postcode", "postal-code", "text"],
  ["city", "address-level2", "text"],
]);

const LABELS = () => ({
  name: t("Name"),
  email: t("E-mail address"),
  street: t("Street and number"),
  postcode: t("Postcode"),
  city: t("Town"),
});

/**
 * The fields of an address; a wrong one says so beside it.
 * @param {{value: Contact}} contact signal
 * @param {{value: Record<string, string>}} wrong signal: field to English sentence
 * @param {string} [prefix] of the ids, when several forms may be on a page
 */
export function contactForm(contact, wrong, prefix = "contact") {
  const labels = LABELS();
  return html`<div class="contact">
    ${FIELDS.map(
      ([name, autocomplete, type]) => html`<p class="field contact-${name}">
        <label for=${`${prefix}-${name}`}>${labels[name]}</label>
        <input
          class="input"
          id=${`${prefix}-${name}`}
          type=${type}
          autocomplete=${autocomplete}
          inputmode=${name === "postcode" ? "numeric" : undefined}
          required
          value=${contact.value[name]}
          aria-invalid=${Boolean(wrong.value[name])}
          aria-describedby=${wrong.value[name] ? `${prefix}-${name}-error` : undefined}
          onInput=${(/** @type {any} */ event) => (contact.value = { ...contact.value, [name]: event.currentTarget.value })}
        />
        ${wrong.value[name] && html`<span class="error" id=${`${prefix}-${name}-error`}>${t(wrong.value[name])}</span>`}
      </p>`,
    )}
  </div>`;
}
