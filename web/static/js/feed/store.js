import { signal } from "@preact/signals";
import { ask } from "vitrine/api.js";

/**
 * @typedef {import("vitrine/feed/shapes.d.ts").Page} Page
 * @typedef {import("vitrine/feed/shapes.d.ts").Product} Product
 * @typedef {import("vitrine/feed/shapes.d.ts").Video} Video
 */

const PAGE = 10;
// With fewer than this ahead of the viewer the next ones are asked for.
const AHEAD = 4;
const MEMORY = "feed";

/** What the feed shows: the videos up to now, the one in view and those to come. Knows no DOM but the address bar. */
export class Feed {
  /** @param {Page} first @param {string} wanted id of the video to begin with, or an empty string */
  constructor(first, wanted) {
    this.videos = signal(first.videos);
    this.rooms = signal(first.rooms);
    this.personalized = signal(first.personalized);
    this.index = signal(0);
    /** @type {import("@preact/signals").Signal<"ready" | "loading" | "end" | "error">} */
    this.state = signal("ready");
    this.version = first.version;
    this.cursor = first.cursor;
    this.renewing = false;
    this.again = false;
    this.settle(first);
    this.restore(wanted);
  }

  get current() {
    return this.videos.value[this.index.value];
  }

  /** Go on to a place of the feed. @param {number} index */
  show(index) {
    this.index.value = index;
    this.remember();
    if (this.videos.value.length - index <= AHEAD) this.more();
  }

  /** Take the place of a page. The feed goes on as long as pages have something. @param {Page} page */
  settle(page) {
    this.version = page.version;
    this.cursor = page.cursor;
    this.rooms.value = page.rooms;
    this.personalized.value = page.personalized;
    this.state.value = page.cursor && page.videos.length > 0 ? "ready" : "end";
  }

  /** Ask for the videos after the last one. */
  async more() {
    if (this.state.value !== "ready") return;
    this.state.value = "loading";
    const { version } = this;
    try {
      /** @type {Page} */
      const page = await ask("GET", `/v1/feed?limit=${PAGE}&after=${encodeURIComponent(this.cursor ?? "")}`);
      // A reaction in the meantime has brought other videos
      if (version !== this.version || this.renewing) return;
      this.videos.value = [...this.videos.value, ...this.unknown(page.videos, this.videos.value)];
      this.settle(page);
    } catch {
      this.state.value = "error";
    }
  }

  /** @param {Video[]} found @param {Video[]} held */
  unknown(found, held) {
    const keys = new Set(held.map((video) => video.key));
    return found.filter((video) => !keys.has(video.key));
  }

  /** Try again after an error. */
  retry() {
    this.state.value = "ready";
    this.more();
  }

  /**
   * Replace what the viewer has not seen yet by what the service would show now; what was seen stays where it is.
   * Asked for again while it runs, it runs once more afterwards.
   * @param {number} [version] of the profile that the caller knows of
   */
  async renew(version) {
    if (version !== undefined && version === this.version) return;
    if (this.renewing) {
      this.again = true;
      return;
    }
    this.renewing = true;
    try {
      do {
        this.again = false;
        /** @type {Page} */
        const page = await ask("GET", `/v1/feed?limit=${PAGE}`);
        const seen = this.videos.value.slice(0, this.index.value + 1);
        const fresh = this.unknown(page.videos, seen);
        // Without an event yet, the service may begin with what is in view
        if (fresh[0] && fresh[0].id === seen.at(-1)?.id) fresh.shift();
        this.videos.value = [...seen, ...fresh];
        this.settle(page);
        this.remember();
      } while (this.again);
    } catch {
      this.state.value = "error";
    } finally {
      this.renewing = false;
    }
  }

  /** A room went live or ended. */
  async refreshRooms() {
    /** @type {Page | null} */
    const page = await ask("GET", "/v1/feed?limit=1").catch(() => null);
    if (page) this.rooms.value = page.rooms;
  }

  /** Take away the videos that are not wanted, from the one in view on. @param {(video: Video) => boolean} unwanted */
  remove(unwanted) {
    const at = this.index.value;
    this.videos.value = this.videos.value.filter((video, place) => place < at || !unwanted(video));
    this.index.value = Math.min(at, Math.max(0, this.videos.value.length - 1));
    this.remember();
    if (this.videos.value.length - at <= AHEAD) this.more();
  }

  /** Put a video that was taken away in front of the one in view; returns its place. @param {Video} video */
  putBack(video) {
    const { value: videos } = this.videos;
    const held = videos.findIndex((each) => each.key === video.key);
    const at = held < 0 ? this.index.value : held;
    if (held < 0) this.videos.value = [...videos.slice(0, at), video, ...videos.slice(at)];
    this.index.value = at;
    this.remember();
    return at;
  }

  /** @param {string} id of a video, wherever it comes @param {Partial<Video>} changes */
  change(id, changes) {
    this.videos.value = this.videos.value.map((video) => (video.id === id ? { ...video, ...changes } : video));
    this.remember();
  }

  /** A variant's stock changed. @param {{variant_id: string, product_id: string, stock: number}} fact */
  stock({ variant_id, product_id, stock }) {
    this.products(product_id, (product) => {
      const variants = product.variants.map((each) => (each.id === variant_id ? { ...each, stock } : each));
      return { ...product, variants, stock: variants.reduce((sum, each) => sum + each.stock, 0) };
    });
  }

  /** Change a product wherever it is shown. @param {string} id @param {(product: Product) => Product} change */
  products(id, change) {
    if (!this.videos.value.some((video) => video.product.id === id)) return;
    this.videos.value = this.videos.value.map((video) =>
      video.product.id === id ? { ...video, product: change(video.product) } : video,
    );
  }

  /** Keep the place for coming back, in the address and in this tab. */
  remember() {
    const video = this.current;
    if (!video) return;
    history.replaceState(null, "", `/feed/${video.id}`);
    try {
      const { value: videos } = this.videos;
      const from = Math.max(0, this.index.value - PAGE);
      sessionStorage.setItem(MEMORY, JSON.stringify(videos.slice(from, this.index.value + 1)));
    } catch {
      // A full or forbidden storage costs the way back only
    }
  }

  /** Come back to the place that the address names, with what was seen before it. @param {string} wanted */
  restore(wanted) {
    if (!wanted) return;
    const here = this.videos.value.findIndex((video) => video.id === wanted);
    /** @type {Video[]} */
    let before = [];
    try {
      before = JSON.parse(sessionStorage.getItem(MEMORY) ?? "[]");
    } catch {
      // Not ours: then there is nothing before it
    }
    if (before.at(-1)?.id !== wanted) {
      this.index.value = Math.max(0, here);
      return;
    }
    const fresh = this.videos.value.filter((video) => video.id !== wanted || !video.key.startsWith("named."));
    const now = new Map(this.videos.value.map((video) => [video.product.id, video.product]));
    // What was seen is remembered, what it costs and how many are left is of now
    const seen = before.map((video) => ({ ...video, product: now.get(video.product.id) ?? video.product }));
    this.videos.value = [...seen, ...this.unknown(fresh, seen)];
    this.index.value = seen.length - 1;
  }
}
