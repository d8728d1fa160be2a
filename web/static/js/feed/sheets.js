import { useEffect, useState } from "preact/hooks";
import { KEYS, keysOn, setKeys } from "vitrine/feed/keys.js";
import { html } from "vitrine/html.js";
import { icon } from "vitrine/icon.js";
import { locale, moment, t } from "vitrine/i18n.js";
import { Sheet } from "vitrine/sheet.js";

/** @typedef {import("vitrine/feed/control.js").Control} Control */

const NEXT = 10;
// Each in itself, so that who cannot read the page finds the own one.
const LANGUAGES = { de: "Deutsch", en: "English" };

/** Why this video, and what the next ones are about. @param {{at: Control}} props */
export function WhySheet({ at }) {
  const video = at.feed.current;
  const personal = at.feed.personalized.value;
  if (!video) return null;
  return html`<${Sheet} title=${t("Why am I seeing this?")} onClose=${() => (at.sheet.value = "")}>
    <ul class="feed-reasons">
      ${video.why.map(
        ({ code, text, at: when }) =>
          html`<li key=${text} data-reason=${code}>
            ${icon(code.startsWith("because") ? "heart" : code === "promoted" ? "info" : "sparkles")}
            <span>${text}${when && html`<small class="soft"> · <time datetime=${when}>${moment(when)}</time></small>`}</span>
          </li>`,
      )}
    </ul>
    ${video.promoted && html`<p class="small"><a href="/me/interests#promoted">${t("Show me no promoted videos")}</a></p>`}
    <${Mix} at=${at} />
    <p class="small soft">
      ${
        personal
          ? t("The order comes from what you watched, liked and skipped here; newer counts more. A small share is a surprise.")
          : t("Your feed is not personalised: everybody who has not agreed sees the same mix.")
      }
      ${" "}<a href=${personal ? "/me/interests" : "/account#privacy"}>${t("Change this")}</a>
    </p>
  <//>`;
}

/** The categories of the next videos as bars, so that a reaction is seen to matter. @param {{at: Control}} props */
function Mix({ at }) {
  const coming = at.feed.videos.value.slice(at.feed.index.value + 1, at.feed.index.value + 1 + NEXT);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { product } of coming) counts.set(product.category_name, (counts.get(product.category_name) ?? 0) + 1);
  const rows = [...counts].sort((a, b) => b[1] - a[1]);
  if (rows.length === 0) return null;
  return html`<section class="feed-mix">
    <h3>${t("What comes next")}</h3>
    <dl>
      ${rows.map(
        ([name, count]) =>
          html`<div key=${name} ref=${(/** @type {HTMLElement | null} */ row) => row?.style.setProperty("--share", String(count / coming.length))}>
            <dt>${name}</dt>
            <dd>${t("{count} of {all}", { count, all: coming.length })}</dd>
          </div>`,
      )}
    </dl>
  </section>`;
}

/** What shall not come again. @param {{at: Control}} props */
export function MenuSheet({ at }) {
  const video = at.feed.current;
  if (!video) return null;
  const { product } = video;
  return html`<${Sheet} title=${t("Not for me")} onClose=${() => (at.sheet.value = "")}>
    <div class="feed-menu">
      <button onClick=${() => at.notInterested("item")}>${icon("eye-off")}<span>${t("Not this product")}<small>${product.title}</small></span></button>
      <button onClick=${() => at.notInterested("brand")}>${icon("tag")}<span>${t("Nothing of this brand")}<small>${product.brand}</small></span></button>
      <button onClick=${() => at.notInterested("category")}>${icon("heart-off")}<span>${t("Nothing of this category")}<small>${product.category_name}</small></span></button>
    </div>
  <//>`;
}

/** The keys, the choices and the law. @param {{at: Control}} props */
export function HelpSheet({ at }) {
  const [on, setOn] = useState(keysOn());
  // That this is a demo is said below every page; here the picture lies over it
  const note = document.querySelector(".demo-note")?.textContent;
  const words = {
    "previous or next video": t("previous or next video"),
    "pause or play": t("pause or play"),
    "sound on or off": t("sound on or off"),
    "captions on or off": t("captions on or off"),
    like: t("like"),
    product: t("product"),
    "5 seconds back or on": t("5 seconds back or on"),
    "this list": t("this list"),
  };
  return html`<${Sheet} title=${t("Help and choices")} onClose=${() => (at.sheet.value = "")}>
    ${
      at.feed.current &&
      !at.feed.current.shared &&
      html`<div class="feed-menu">
        <button onClick=${() => at.open("save")}>${icon("download")}<span>${t("Save this video")}<small>${t("As a file: upright, square or wide")}</small></span></button>
      </div>`
    }
    <ul class="feed-touch">
      <li>${t("Swipe up for the next video, down for the one before.")}</li>
      <li>${t("Tap the picture to pause, tap it twice to like it.")}</li>
    </ul>
    <form class="feed-language" method="post" action="/language">
      <span id="feed-language">${t("Language")}</span>
      <div class="language" role="group" aria-labelledby="feed-language">
        <input type="hidden" name="next" value=${location.pathname} />
        ${Object.entries(LANGUAGES).map(
          ([code, name]) =>
            html`<button class="button button-plain" name="lang" value=${code} lang=${code} aria-current=${code === locale ? "true" : undefined}>${code === locale && icon("check")}${name}</button>`,
        )}
      </div>
    </form>
    <dl class="feed-keys">
      ${KEYS.map(([key, does]) => html`<div key=${key}><dt>${key.split(" ").map((each) => html`<kbd>${each === "Space" ? t("Space") : each}</kbd>`)}</dt><dd>${words[does]}</dd></div>`)}
    </dl>
    <label class="choice">
      <input
        type="checkbox"
        checked=${on}
        onChange=${(/** @type {any} */ event) => {
          setKeys(event.currentTarget.checked);
          setOn(event.currentTarget.checked);
        }}
      />
      <span>${t("Use single letters as keys")}</span>
    </label>
    ${note && html`<p class="notice small">${note}</p>`}
    <p class="row small">
      <a href="/account#privacy">${t("My choices")}</a>
      <a href="/datenschutz">${t("Privacy")}</a>
      <a href="/impressum">${t("Legal notice")}</a>
    </p>
  <//>`;
}
