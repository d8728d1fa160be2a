import { t } from "vitrine/i18n.js";
import { toast } from "vitrine/toast.js";

const LOOK_AGAIN_MILLISECONDS = 5000;
const SPRITE = document.body.dataset.icons ?? "/static/vendor/icons.svg";

/** What the service says of a part. @param {string | undefined} word */
function said(word) {
  switch (word) {
    case "ok": return t("in order");
    case "does not answer": return t("does not answer");
    case "has not reported": return t("has not reported");
    case "is nearly full": return t("is nearly full");
    default: return t("unknown");
  }
}

async function look() {
  if (document.visibilityState !== "visible") return;
  /** @type {Record<string, string>} */
  let checks = {};
  try {
    // 503 with the same document when a part is missing
    checks = (await (await fetch("/readyz")).json()).checks ?? {};
  } catch {
    // shown as unknown
  }
  const rows = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-health] [data-part]"));
  let well = true;
  for (const row of rows) {
    const word = checks[row.dataset.part ?? ""];
    well &&= word === "ok";
    row.classList.toggle("health-bad", word !== "ok");
    row.querySelector("use")?.setAttribute("href", `${SPRITE}#${word === "ok" ? "circle-check" : "circle-x"}`);
    const place = row.querySelector("[data-word]");
    if (place) place.textContent = said(word);
  }
  const all = document.querySelector("[data-health-all]");
  const words = well ? t("Everything runs") : t("Something is missing");
  if (all && all.textContent !== words) all.textContent = words;
  all?.classList.toggle("chip-good", well);
  all?.classList.toggle("chip-bad", !well);
}

const link = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-link]"));
const copy = /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-copy]"));
if (link && copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", () => navigator.clipboard.writeText(link.value).then(
    () => toast(t("Copied")), () => link.select()));
}
link?.addEventListener("focus", () => link.select());
look();
setInterval(look, LOOK_AGAIN_MILLISECONDS);
document.addEventListener("visibilitychange", look);
