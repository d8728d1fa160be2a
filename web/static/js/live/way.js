import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";

/** How the picture comes; pressing it changes that. @param {{screen: import("vitrine/live/screen.js").Screen}} props */
export function Way({ screen }) {
  const lines = screen.lines.value;
  const stable = screen.way.value === "hls";
  const name = stable ? t("Stable") : t("Low latency");
  return html`<p class="stage-way">
    ${screen.both &&
    html`<button class="chip chip-glass way" data-way=${screen.way.value} aria-label=${stable ? t("Stable. Change to low latency") : t("Low latency. Change to stable")} onClick=${() => screen.prefer(stable ? "low" : "stable")}>
      <span class="way-dot" aria-hidden="true"></span>${name}
    </button>`}
    ${lines > 0 && html`<span class="chip chip-glass lines"><span class="visually-hidden">${t("Picture quality")}</span> ${lines}p</span>`}
  </p>`;
}
