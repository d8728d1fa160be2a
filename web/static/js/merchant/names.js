import { locale, t } from "vitrine/i18n.js";

export const SEASONS = ["spring", "summer", "autumn", "winter"];
/** What a library can be narrowed to, beside filters. */
export const STATES = ["usable", "unsorted", "uncaptioned", "unheard", "expiring", "expired", "archived"];
const USUAL_LANGUAGES = ["de", "en", "fr", "it", "es", "nl", "pl", "tr"];
const languages = new Intl.DisplayNames([locale], { type: "language" });

/** @param {string} season */
export function seasonName(season) {
  switch (season) {
    case "spring": return t("Spring");
    case "summer": return t("Summer");
    case "autumn": return t("Autumn");
    case "winter": return t("Winter");
    default: return t("All year");
  }
}

/** @param {string} code */
export function languageName(code) {
  try {
    return languages.of(code) ?? code;
  } catch {
    return code;
  }
}

/** Languages to choose from, those in use first. @param {string[]} used */
export function languageChoices(used) {
  return [...new Set([...used, locale, ...USUAL_LANGUAGES])];
}

/** @param {string} state */
export function stateName(state) {
  switch (state) {
    case "usable": return t("In videos now");
    case "unsorted": return t("Without role or product");
    case "uncaptioned": return t("Speech without captions");
    case "unheard": return t("Speech not stated");
    case "expiring": return t("Ends within 30 days");
    case "expired": return t("Expired");
    case "archived": return t("Archived");
    default: return t("All segments");
  }
}

/** Why no video is made with a segment. @param {string} code */
export function lackName(code) {
  switch (code) {
    case "archived": return t("Archived");
    case "role": return t("Role missing");
    case "product": return t("Product missing");
    case "captions": return t("Captions missing");
    case "not-yet": return t("Not valid yet");
    case "over": return t("No longer valid");
    case "rights": return t("Rights ended");
    default: return code;
  }
}
