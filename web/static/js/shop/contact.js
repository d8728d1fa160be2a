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
 */
export function contactForm(contact, wrong) {
  const labels = LABELS();
  return html`<div class="contact">
    ${FIELDS.map(
      ([name, autocomplete, type]) => html`<p class="field contact-${name}">
        <label for=${`contact-${name}`}>${labels[name]}</label>
        <input
          class="input"
          id=${`contact-${name}`}
          type=${type}
          autocomplete=${autocomplete}
          required
          value=${contact.value[name]}
          aria-invalid=${Boolean(wrong.value[name])}
          aria-describedby=${wrong.value[name] ? `contact-${name}-error` : undefined}
          onInput=${(/** @type {any} */ event) => (contact.value = { ...contact.value, [name]: event.currentTarget.value })}
        />
        ${wrong.value[name] && html`<span class="error" id=${`contact-${name}-error`}>${t(wrong.value[name])}</span>`}
      </p>`,
    )}
  </div>`;
}
