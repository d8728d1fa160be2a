import { ask } from "vitrine/api.js";
import { t } from "vitrine/i18n.js";
import { toast } from "vitrine/toast.js";

/** The slider saves itself when it is let go; without this script it has a button. */
function surprise() {
  const form = document.querySelector("[data-surprise]");
  const slider = form?.querySelector("input[type=range]");
  if (!(slider instanceof HTMLInputElement) || !form) return;
  form.classList.add("is-live");
  let saved = slider.value;
  slider.addEventListener("change", async () => {
    try {
      await ask("PATCH", "/v1/me/profile", { surprise: Number(slider.value) });
      saved = slider.value;
      toast(t("Done. Your feed changes with the next videos."));
    } catch (error) {
      slider.value = saved;
      toast(/** @type {Error} */ (error).message);
    }
  });
}

surprise();
