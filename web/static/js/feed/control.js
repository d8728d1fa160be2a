import { effect, signal } from "@preact/signals";
import { ask } from "vitrine/api.js";
import { openProduct } from "vitrine/feed/card.js";
import { Events } from "vitrine/feed/events.js";
import { onKeys } from "vitrine/feed/keys.js";
import { Players } from "vitrine/feed/player.js";
import { Feed } from "vitrine/feed/store.js";
import { Watch } from "vitrine/feed/watch.js";
import { t } from "vitrine/i18n.js";
import { hear } from "vitrine/stream.js";
import { toast } from "vitrine/toast.js";

/**
 * @typedef {import("vitrine/feed/shapes.d.ts").Product} Product
 * @typedef {import("vitrine/feed/shapes.d.ts").Video} Video
 * @typedef {"" | "why" | "menu" | "product" | "help" | "save"} SheetName
 */

const TICK_MILLISECONDS = 250;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The feed of one page: wires what is shown to the players, to the events and to the service. */
export class Control {
  /**
   * @param {HTMLElement} place where the feed is drawn
   * @param {{first: import("vitrine/feed/shapes.d.ts").Page, start: string, agreed: boolean, share: string, gone: boolean}} given
   */
  constructor(place, { first, start, agreed, share, gone }) {
    this.place = place;
    this.share = share;
    this.gone = gone;
    this.feed = new Feed(first, start);
    this.events = new Events(agreed, (answer) => this.learnt(answer));
    this.players = new Players((id, type, video) => this.played(id, type, video));
    /** @type {import("@preact/signals").Signal<SheetName>} */
    this.sheet = signal("");
    /** Position of the one in view, in seconds. */
    this.position = signal(0);
    /** @type {Watch | null} */
    this.watch = null;
    /** When videos came into view, for the pace. @type {number[]} */
    this.arrivals = [];
    this.shown = "";
    this.resume = false;
    /** Keys of the videos that were in view before: leaving one soon the second time says nothing. */
    this.known = new Set();
  }

  /** Begin to play, to listen and to tell. */
  start() {
    if (this.gone) toast(t("This video is no longer there. Here is your feed."));
    effect(() => this.turn());
    hear("stock", (fact) => this.feed.stock(fact));
    hear("viewer", (fact) => fact.type === "feed-changed" && this.feed.renew(fact.version));
    hear("room", (fact) => fact.type === "state" && this.feed.refreshRooms());
    hear("back", () => this.refreshProduct());
    onKeys(this);
    setInterval(() => this.tick(), TICK_MILLISECONDS);
    addEventListener("pagehide", () => {
      this.watch?.exit(performance.now(), this.pace(performance.now()));
      this.events.leave();
    });
    addEventListener("online", () => this.online());
    addEventListener("offline", () => toast(t("No connection. The feed goes on when it is back.")));
    document.addEventListener("visibilitychange", () => this.turnedAway());
    document.addEventListener("consent-changed", (event) => this.agreed(/** @type {CustomEvent} */ (event).detail));
  }

  /** The network is back. */
  online() {
    this.events.flush();
    this.players.retryAll();
    if (this.feed.state.peek() === "error") this.feed.retry();
  }

  /** Put the players where the feed is now; runs again whenever the feed or the place in it changes. */
  turn() {
    const { videos, index } = this.feed;
    const at = index.value;
    const near = [videos.value[at], videos.value[at + 1], videos.value[at - 1]].filter(Boolean);
    const video = videos.value[at];
    // The stages of videos that have just come are drawn first
    queueMicrotask(() => requestAnimationFrame(() => {
      this.players.assign(near.map(({ key, mp4, captions }) => ({ id: key, src: mp4, captions })));
      if (!video || video.key === this.shown) return;
      if (!this.known.has(this.shown)) this.watch?.left(performance.now(), this.position.peek());
      this.watch?.exit(performance.now(), this.pace(performance.now()));
      this.known.add(this.shown);
      this.shown = video.key;
      this.position.value = 0;
      this.attend();
      this.players.select(video.key, !still.matches && document.visibilityState === "visible");
    }));
  }

  /** How many videos came into view within the last minute. @param {number} now */
  pace(now) {
    this.arrivals = this.arrivals.filter((at) => now - at < 60_000);
    return this.arrivals.length;
  }

  /** Begin to watch the video in view. */
  attend() {
    const video = this.feed.current;
    this.arrivals.push(performance.now());
    const tell = (/** @type {Parameters<Events["track"]>} */ ...event) => this.events.track(...event);
    this.watch = video ? new Watch(video, this.feed.index.peek(), performance.now(), tell) : null;
  }

  /** What a player says. @param {string} id @param {string} type @param {HTMLVideoElement} video */
  played(id, type, video) {
    if (id !== this.shown) return;
    if (type === "timeupdate") {
      this.position.value = video.currentTime;
      this.watch?.at(video.currentTime, performance.now());
    } else if (type === "ended") {
      this.watch?.ended(performance.now());
      video.currentTime = 0;
      if (still.matches) this.players.pause();
      else this.players.play();
    } else if (type === "broken") {
      toast(navigator.onLine ? t("This video could not be played.") : t("No connection. The feed goes on when it is back."));
    }
  }

  tick() {
    if (document.visibilityState === "visible") this.watch?.seen(performance.now());
  }

  /** The tab was hidden or shown again. */
  turnedAway() {
    if (document.visibilityState === "hidden") {
      this.resume = this.players.playing.value;
      this.players.pause();
      this.events.leave();
    } else if (this.resume) this.players.play();
  }

  /** The service has taken a batch. @param {any} answer */
  learnt(answer) {
    if (answer.version != null) this.feed.renew(answer.version);
  }

  /** The viewer has chosen whether the feed may learn. @param {{personalise: boolean, measure: boolean}} choice */
  agreed({ personalise, measure }) {
    if (personalise || measure) {
      this.events.allowed = true;
      this.attend();
    } else this.events.stop();
    this.feed.renew();
  }

  /** Say what the viewer did with the video in view. @param {string} event @param {Record<string, unknown>} [more] */
  react(event, more) {
    if (this.watch) this.events.track(event, this.watch.properties({ position: this.position.peek(), ...more }), true);
  }

  /** @param {number} step */
  go(step) {
    const next = this.feed.index.value + step;
    const item = this.place.querySelectorAll("[data-video-id]")[next] ?? this.place.querySelector(step > 0 ? "[data-end]" : "none");
    item?.scrollIntoView({ behavior: still.matches ? "instant" : "smooth", block: "start" });
    if (item instanceof HTMLElement) item.focus({ preventScroll: true });
  }

  like() {
    const video = this.feed.current;
    if (!video) return;
    this.feed.change(video.id, { liked: !video.liked });
    this.react(video.liked ? "Video Unliked" : "Video Liked");
  }

  /** Never again this video's product, brand or category. @param {"item" | "brand" | "category"} scope */
  notInterested(scope) {
    const video = this.feed.current;
    if (!video) return;
    const { product } = video;
    const { watch } = this;
    this.react("Not Interested", { scope });
    const same = {
      item: (/** @type {Product} */ other) => other.id === product.id,
      brand: (/** @type {Product} */ other) => other.brand === product.brand,
      category: (/** @type {Product} */ other) => other.category === product.category,
    }[scope];
    this.sheet.value = "";
    // Hidden here at once, as the hook of another product's video too; with consent the service keeps it
    this.watch = null;
    const shows = (/** @type {Video} */ each) => scope === "item" && each.segments.some((part) => part.product?.id === product.id);
    this.feed.remove((each) => same(each.product) || shows(each));
    toast(
      this.events.allowed
        ? t("Done. This will not come again.")
        : t("Hidden for now. Personalise your feed to keep this choice."),
      { text: t("Undo"), press: () => this.interested(scope, video, watch) },
    );
  }

  /** Take "not interested" back: the video comes into view again, and what was hidden with it may come again.
   * @param {"item" | "brand" | "category"} scope @param {Video} video @param {Watch | null} watch
   */
  interested(scope, video, watch) {
    if (watch) this.events.track("Interested", watch.properties({ scope }), true);
    const place = this.feed.putBack(video);
    // Drawn first, else there is nothing to bring into view
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const item = this.place.querySelectorAll("[data-video-id]")[place];
      item?.scrollIntoView({ behavior: "instant", block: "start" });
      if (item instanceof HTMLElement) item.focus({ preventScroll: true });
    }));
    if (!this.events.allowed) this.feed.renew();
  }

  /** Give the video to somebody: a link that opens it without an account and ends by itself. */
  async shareVideo() {
    const video = this.feed.current;
    if (!video) return;
    try {
      const link = await ask("POST", `/v1/videos/${video.id}/share${this.share ? `?share=${this.share}` : ""}`);
      if (navigator.share) await navigator.share({ title: video.product.title, url: link.url });
      else {
        // A browser may refuse the clipboard: then the link itself is shown.
        const copied = await navigator.clipboard?.writeText(link.url).then(() => true, () => false);
        toast(copied ? t("The link is copied. It works for {days} days.", { days: link.days }) : link.url);
      }
      this.react("Product Shared");
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) {
        toast(/** @type {Error} */ (error).message);
      }
    }
  }

  /** @param {SheetName} name */
  open(name) {
    const video = this.feed.current;
    if (!video && name !== "help") return;
    if (video && name === "product") openProduct(this, video);
    else this.sheet.value = name;
    if (name === "why") this.react("Video Reason Viewed");
  }

  /** Stock may have changed while the tab was hidden. */
  async refreshProduct() {
    const product = this.feed.current?.product;
    if (!product) return;
    const now = await ask("GET", `/v1/products/${product.id}`).catch(() => null);
    for (const { id, stock } of now?.variants ?? []) {
      this.feed.stock({ product_id: product.id, variant_id: id, stock });
    }
  }
}
