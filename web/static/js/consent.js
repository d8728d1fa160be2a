import { ask } from "vitrine/api.js";
import { t } from "vitrine/i18n.js";
import { toast } from "vitrine/toast.js";

const LATER = "consent-later";

/**
 * Tell the service what the viewer chose, then the page.
 * @param {Record<string, boolean>} purposes
 * @param {string} source where the question stood
 */
async function answer(purposes, source) {
  const choice = await ask("PUT", "/v1/me/consent", { purposes, source });
  document.dispatchEvent(new CustomEvent("consent-changed", { detail: choice.purposes }));
}

/** The question, asked once: two equal buttons; closing it without an answer asks again in the next session. */
function question() {
  const card = document.getElementById("consent");
  if (!(card instanceof HTMLDialogElement) || sessionStorage.getItem(LATER)) return;
  for (const button of card.querySelectorAll("button[data-personalise]")) {
    button.addEventListener("click", async () => {
      const yes = button.getAttribute("data-personalise") === "yes";
      try {
        await answer({ personalise: yes }, "feed");
        card.close("answered");
        if (yes) toast(t("Your feed follows your interests from now on."));
      } catch (error) {
        toast(/** @type {Error} */ (error).message);
      }
    });
  }
  card.addEventListener("close", () => card.returnValue || sessionStorage.setItem(LATER, "1"));
  card.showModal();
}

/** The switches of the account page: withdrawing is one click, like agreeing. */
function switches() {
  for (const box of document.querySelectorAll("input[data-purpose]")) {
    if (!(box instanceof HTMLInputElement)) continue;
    box.addEventListener("change", async () => {
      box.disabled = true;
      try {
        await answer({ [box.dataset.purpose ?? ""]: box.checked }, "account");
        toast(forgotten() ? t("Saved. What you had hidden is deleted.") : t("Your choice is saved."));
      } catch (error) {
        box.checked = !box.checked;
        toast(/** @type {Error} */ (error).message);
      } finally {
        box.disabled = false;
      }
    });
  }
}

/** Without a personal feed nothing is hidden any more: take the list away, and tell whether there was one. */
function forgotten() {
  const personal = document.querySelector("input[data-purpose=personalise]");
  const list = document.querySelector("[data-hidden]");
  if (!list || !(personal instanceof HTMLInputElement) || personal.checked) return false;
  list.remove();
  return true;
}

question();
switches();
