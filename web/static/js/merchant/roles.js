import { t } from "vitrine/i18n.js";

/** The parts of a video in their order. */
export const ROLES = ["hook", "demo", "proof", "offer", "cta"];
/** Without these a product is not chosen for a video. */
export const NEEDED = ["offer", "cta"];
/** The shortest video, in seconds. */
export const SHORTEST_VIDEO = 12;

/** @param {string} role */
export function roleName(role) {
  switch (role) {
    case "hook": return t("Hook");
    case "demo": return t("Demonstration");
    case "proof": return t("Proof");
    case "offer": return t("Offer");
    case "cta": return t("Call to action");
    default: return t("No role yet");
  }
}

/** What a segment in this role does. @param {string} role */
export function roleHint(role) {
  switch (role) {
    case "hook": return t("The first seconds: makes people stop.");
    case "demo": return t("Shows the product in use.");
    case "proof": return t("Somebody or something confirms that it is good.");
    case "offer": return t("Says what it costs or what comes with it.");
    case "cta": return t("Says what to do now.");
    default: return "";
  }
}
