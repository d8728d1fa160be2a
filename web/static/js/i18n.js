import catalogue, { locale } from "vitrine/messages";

/** The language of the page, `de` or `en`. */
export { locale };

/**
 * Return an English sentence in the language of the page, with its {placeholders} filled.
 * @param {string} message
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(message, values = {}) {
  const text = catalogue[message] ?? message;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Write an amount of money as people of this language read it.
 * @param {{amount: number, currency: string}} price minor units
 * @returns {string}
 */
export function money(price) {
  return new Intl.NumberFormat(locale, { style: "currency", currency: price.currency }).format(price.amount / 100);
}

/**
 * Name a language in the language of the page.
 * @param {string} code BCP 47
 * @returns {string}
 */
export function languageName(code) {
  return new Intl.DisplayNames(locale, { type: "language" }).of(code) ?? code;
}

/**
 * Write an instant in the reader's own time zone.
 * @param {string} iso RFC 3339
 * @returns {string}
 */
export function moment(iso) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}
