import { useRef, useState } from "preact/hooks";
import { ProductCard } from "vitrine/feed/card.js";
import { Progress } from "vitrine/feed/progress.js";
import { html } from "vitrine/html.js";
import { icon } from "vitrine/icon.js";
import { languageName, locale, t } from "vitrine/i18n.js";

/**
 * @typedef {import("vitrine/feed/control.js").Control} Control
 * @typedef {import("vitrine/feed/shapes.d.ts").Video} Video
 */

const DOUBLE_TAP_MILLISECONDS = 260;

/**
 * One video of the feed with everything that lies over it.
 * @param {{at: Control, video: Video, place: number, current: boolean, near: boolean}} props
 */
export function Item({ at, video, place, current, near }) {
  const title = `title-${video.key}`;
  const reason = `reason-${video.key}`;
  return html`<article
    class="feed-item"
    tabindex="0"
    aria-labelledby=${title}
    aria-describedby=${video.why.length > 0 ? reason : undefined}
    aria-posinset=${place + 1}
    aria-setsize="-1"
    data-video-id=${video.id}
    data-place=${place}
    data-category=${video.product.category}
    data-brand=${video.product.brand}
    data-current=${current}
  >
    ${video.poster && current && html`<img class="feed-ambient" src=${video.poster} alt="" />`}
    <div class="feed-frame">
      <div class="feed-stage">
        ${video.poster && html`<img class="feed-poster" src=${video.poster} alt="" loading=${near ? "eager" : "lazy"} />`}
        <div class="feed-players" id="stage-${video.key}"></div>
      </div>
      ${near && html`<${Surface} at=${at} video=${video} current=${current} />`}
    </div>
    ${
      near &&
      html`<div class="feed-over" inert=${!current}>
        <div class="feed-info">
          <div class="feed-words">
            ${video.promoted && html`<a class="feed-note feed-ad" href="/me/interests#promoted">${t("Advertising")}</a>`}
            <${Lent} at=${at} video=${video} current=${current} />
            ${
              video.why.length > 0 &&
              html`<button class="feed-why" id=${reason} onClick=${() => at.open("why")}>
                ${icon("sparkles")}<span>${video.why[0].text}</span>
              </button>`
            }
            ${video.language && video.language.split("-")[0] !== locale && html`<span class="feed-note feed-language">${t("Video in {language}", { language: languageName(video.language) })}</span>`}
            ${current && !at.feed.personalized.value && html`<a class="feed-note" href="/account#privacy">${t("Not personalised")}</a>`}
          </div>
          <${ProductCard} at=${at} video=${video} titleId=${title} />
        </div>
        <${Rail} at=${at} video=${video} />
        <${Progress} at=${at} video=${video} current=${current} />
      </div>`
    }
    ${!near && html`<h2 class="visually-hidden" id=${title}>${video.product.title}</h2>`}
  </article>`;
}

/**
 * The picture as a control: a tap pauses, a double tap likes. What it does is on real buttons and keys too.
 * @param {{at: Control, video: Video, current: boolean}} props
 */
function Surface({ at, video, current }) {
  const { players } = at;
  const [heart, setHeart] = useState(/** @type {{x: number, y: number, n: number} | null} */ (null));
  const waiting = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const broken = players.broken.value.has(video.key);
  const playing = players.playing.value;

  /** @param {MouseEvent} event */
  function tapped(event) {
    // A click made by the keyboard is never half of a double tap
    if (event.detail === 0) return players.toggle();
    if (waiting.current === undefined) {
      waiting.current = setTimeout(() => {
        waiting.current = undefined;
        players.toggle();
      }, DOUBLE_TAP_MILLISECONDS);
      return;
    }
    clearTimeout(waiting.current);
    waiting.current = undefined;
    const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
    setHeart({ x: event.clientX - box.left, y: event.clientY - box.top, n: (heart?.n ?? 0) + 1 });
    if (!video.liked) at.like();
  }

  if (broken) {
    return html`<div class="feed-broken" role="alert">
      ${icon("video-off")}
      <p>${navigator.onLine ? t("This video could not be played.") : t("No connection. The feed goes on when it is back.")}</p>
      <button class="button" onClick=${() => players.retry(video.key)}>${t("Try again")}</button>
    </div>`;
  }
  return html`
    <button
      class="feed-surface"
      inert=${!current}
      aria-label=${playing ? t("Pause") : t("Play")}
      onClick=${tapped}
    >
      ${current && !playing && html`<span class="feed-play">${icon("play")}</span>`}
      ${heart && html`<span class="feed-heart" key=${heart.n} ref=${(/** @type {HTMLElement | null} */ el) => place(el, heart)}>${icon("heart")}</span>`}
    </button>
  `;
}

/** @param {HTMLElement | null} element @param {{x: number, y: number}} spot */
function place(element, { x, y }) {
  element?.style.setProperty("left", `${x}px`);
  element?.style.setProperty("top", `${y}px`);
}

/**
 * Says, while it is in the picture, which other product a lent opening shows.
 * @param {{at: Control, video: Video, current: boolean}} props
 */
function Lent({ at, video, current }) {
  const position = current ? at.position.value : 0;
  const part = video.segments.find(({ start, duration }) => position < start + duration);
  if (!part?.product || part.product.id === video.product.id) return null;
  return html`<a class="feed-note feed-lent" href="/products/${part.product.id}">${t("The opening shows: {product}", { product: part.product.title })}</a>`;
}

/** The buttons at the thumb. @param {{at: Control, video: Video}} props */
function Rail({ at, video }) {
  return html`<div class="feed-rail" role="group" aria-label=${t("Actions")}>
    <button class="feed-action ${video.liked ? "feed-action-on" : ""}" aria-pressed=${video.liked} onClick=${() => at.like()}>
      <span>${icon("heart")}</span><small>${t("Like")}</small>
    </button>
    <button class="feed-action" aria-haspopup="dialog" onClick=${() => at.open("menu")}>
      <span>${icon("thumbs-down")}</span><small>${t("Not for me")}</small>
    </button>
    <button class="feed-action" onClick=${() => at.shareVideo()}>
      <span>${icon("share-2")}</span><small>${t("Share")}</small>
    </button>
    ${video.captions && html`<button class="feed-action ${at.players.captions.value ? "feed-action-set" : ""}" aria-pressed=${at.players.captions.value} onClick=${() => at.players.setCaptions(!at.players.captions.value)}>
      <span>${icon("captions")}</span><small>${t("Captions")}</small>
    </button>`}
    <button class="feed-action" aria-haspopup="dialog" onClick=${() => at.open("why")}>
      <span>${icon("info")}</span><small>${t("Why?")}</small>
    </button>
    <button class="feed-action feed-action-help" aria-haspopup="dialog" onClick=${() => at.open("help")}>
      <span>${icon("ellipsis")}</span><small>${t("More")}</small>
    </button>
  </div>`;
}
