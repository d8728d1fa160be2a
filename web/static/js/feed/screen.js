import { useEffect, useRef, useState } from "preact/hooks";
import { Item } from "vitrine/feed/item.js";
import { HelpSheet, MenuSheet, WhySheet } from "vitrine/feed/sheets.js";
import { html } from "vitrine/html.js";
import { icon } from "vitrine/icon.js";
import { t } from "vitrine/i18n.js";
import { Save } from "vitrine/save.js";
import { Sheet } from "vitrine/sheet.js";

/** @typedef {import("vitrine/feed/control.js").Control} Control */

// An item counts as the one in view when this much of it is.
const IN_VIEW = 0.6;
// Items further away than this are drawn as their poster only.
const NEAR = 2;
// So long the button for the sound says in words what it does.
const HINT_SECONDS = 4;

/** The whole feed: a scroller of videos, what lies over it, and the sheets. @param {{at: Control}} props */
export function Screen({ at }) {
  const { feed } = at;
  const scroller = /** @type {{current: HTMLElement | null}} */ (useRef(null));
  const videos = feed.videos.value;
  const index = feed.index.value;

  useEffect(() => {
    const place = scroller.current;
    if (!place) return;
    const watcher = new IntersectionObserver(
      (entries) => {
        // The first report names everything that is there, however little of it
        const shown = entries.find((entry) => entry.intersectionRatio >= IN_VIEW);
        if (shown) feed.show(Number(/** @type {HTMLElement} */ (shown.target).dataset.place));
      },
      { root: place, threshold: IN_VIEW },
    );
    for (const item of place.querySelectorAll("[data-video-id]")) watcher.observe(item);
    return () => watcher.disconnect();
  }, [videos.map((video) => video.key).join()]);

  useEffect(() => {
    if (index > 0) scroller.current?.children[index]?.scrollIntoView({ behavior: "instant", block: "start" });
  }, []);

  return html`
    <${Top} at=${at} />
    <section
      class="feed-scroller"
      role="feed"
      aria-label=${t("Videos for you")}
      aria-busy=${feed.state.value === "loading"}
      ref=${scroller}
    >
      ${videos.map(
        (video, place) =>
          html`<${Item}
            key=${video.key}
            at=${at}
            video=${video}
            place=${place}
            current=${place === index}
            near=${Math.abs(place - index) <= NEAR}
          />`,
      )}
      <${End} at=${at} />
    </section>
    <div class="feed-arrows">
      <button class="feed-arrow" aria-label=${t("Previous video")} disabled=${index === 0} onClick=${() => at.go(-1)}>${icon("chevron-up")}</button>
      <button class="feed-arrow" aria-label=${t("Next video")} onClick=${() => at.go(1)}>${icon("chevron-down")}</button>
    </div>
    ${at.sheet.value === "why" && html`<${WhySheet} at=${at} />`}
    ${at.sheet.value === "menu" && html`<${MenuSheet} at=${at} />`}
    ${at.sheet.value === "save" && feed.current && html`<${Sheet} title=${t("Save this video")} onClose=${() => (at.sheet.value = "")}><${Save} video=${feed.current} /><//>`}
    ${at.sheet.value === "help" && html`<${HelpSheet} at=${at} />`}
  `;
}

/** What stands over all videos alike: the sound and the room that is live. @param {{at: Control}} props */
function Top({ at }) {
  const { feed, players } = at;
  const sound = players.sound.value;
  const [hint, setHint] = useState(!sound);
  const room = feed.rooms.value[0];

  useEffect(() => {
    let left = HINT_SECONDS;
    const timer = setInterval(() => {
      // Behind the question of consent nobody reads it
      if (document.querySelector("dialog[open]") || --left > 0) return;
      setHint(false);
      clearInterval(timer);
    }, 1000);
    return () => clearInterval(timer);
  }, []);

  return html`<div class="feed-top ${hint && !sound ? "feed-top-hint" : ""}">
    ${
      feed.videos.value.length > 0 &&
      html`<button class="feed-sound ${sound ? "" : "feed-sound-off"}" onClick=${() => players.setSound(!sound)}>
        ${icon(sound ? "volume-2" : "volume-x")}<span>${sound ? t("Turn sound off") : t("Turn sound on")}</span>
      </button>`
    }
    ${
      room &&
      html`<a class="feed-live" href="/live/${room.id}"><span class="chip chip-live">${t("LIVE")}</span><span>${room.title}</span></a>`
    }
  </div>`;
}

/** What comes after the last video. @param {{at: Control}} props */
function End({ at }) {
  const { feed } = at;
  const nothing = feed.videos.value.length === 0;
  if (feed.state.value === "ready" || feed.state.value === "loading") {
    return html`<div class="feed-end" data-end aria-hidden="true"><div class="feed-end-loading skeleton"></div></div>`;
  }
  if (feed.state.value === "error") {
    return html`<div class="feed-end" data-end tabindex="0">
      ${icon("wifi-off")}
      <h2>${t("The next videos could not be loaded.")}</h2>
      <button class="button" onClick=${() => feed.retry()}>${t("Try again")}</button>
    </div>`;
  }
  return html`<div class="feed-end" data-end tabindex="0">
    ${icon(nothing ? "film" : "circle-check")}
    <h2>${nothing ? t("There is nothing to watch yet.") : t("You have seen everything.")}</h2>
    <p>${nothing ? t("Videos appear here when shops have clips of products that are in stock.") : t("New videos come when shops add clips.")}</p>
    <p class="button-row">
      <a class="button" href="/products">${t("Look at the products")}</a>
      ${!nothing && html`<button class="button button-plain" onClick=${() => location.assign("/feed")}>${t("From the beginning")}</button>`}
    </p>
  </div>`;
}
