import { useEffect, useState } from "preact/hooks";
import { ask, Problem } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { locale, t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";
import { After } from "vitrine/live/after.js";
import { clock } from "vitrine/live/clock.js";

/** @typedef {{duration_seconds: number | null, most_viewers: number | null, orders: number, pieces: number}} Figures */

/** Who was about to pay at the end still may; so often the figures are looked at again. */
const LOOK_MILLISECONDS = 15_000;

const number = new Intl.NumberFormat(locale);

/** What a show came to, in the place of what led it. @param {{store: import("vitrine/live/store.js").Store}} props */
export function Summary({ store }) {
  const ended = store.state.value === "ended";
  const [figures, setFigures] = useState(/** @type {Figures | null} */ (null));
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    if (!ended) return;
    const look = () => ask("GET", `/v1/rooms/${store.room.id}/summary`).then(
      (found) => {
        setTrouble("");
        setFigures(found);
      },
      (problem) => {
        if (!(problem instanceof Problem)) throw problem;
        setTrouble(problem.message);
      });
    look();
    const timer = setInterval(() => document.visibilityState === "visible" && look(), LOOK_MILLISECONDS);
    return () => clearInterval(timer);
  }, [ended]);
  return html`<section class="card summary" aria-labelledby="summary-title">
    <h2 id="summary-title" role="status">${icon("circle-check")} ${ended ? t("This show is over. Thank you!") : t("This show was cancelled")}</h2>
    ${trouble && html`<p class="notice notice-bad" role="alert">${trouble}</p>`}
    ${ended && !figures && !trouble && html`<div class="skeleton summary-skeleton"></div>`}
    ${figures &&
    html`<dl class="summary-figures">
      ${figures.duration_seconds !== null && html`<${Figure} name=${t("Duration")} value=${clock(figures.duration_seconds)} />`}
      ${figures.most_viewers !== null && html`<${Figure} name=${t("Most viewers at once")} value=${number.format(figures.most_viewers)} />`}
      <${Figure} name=${t("Orders in the room")} value=${number.format(figures.orders)} />
      <${Figure} name=${t("Pieces sold")} value=${number.format(figures.pieces)} />
    </dl>`}
    <p class="button-row">
      ${ended && html`<${After} room=${store.room} />`}
      <a class="button button-plain" href="/studio#new-show">${icon("plus")} ${t("Set up a new show")}</a>
      <a class="button button-plain" href="/studio">${t("All my shows")}</a>
    </p>
  </section>`;
}

/** @param {{name: string, value: string}} props */
function Figure({ name, value }) {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
