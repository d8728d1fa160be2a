import { batch, computed, signal } from "@preact/signals";
import { ask } from "vitrine/api.js";
import { NEEDED, ROLES, SHORTEST_VIDEO } from "vitrine/merchant/roles.js";

/** @typedef {{code: string, detail: string}} Warning */
/** @typedef {{id: string, filename: string, state: string, progress: number, reason: string | null, detail: string | null, retryable: boolean, warnings: Warning[], bytes: number, duration: number | null, created_at: string}} Clip */
/** @typedef {{id: string, clip_id: string, product_id: string | null, category: string | null, role: string | null, tags: string[], start: number, duration: number, has_sound: boolean, position: number, mp4: string, thumbnail: string}} Segment */
/** @typedef {{id: string, title: string, image: string | null, published: boolean, stock: number}} Product */
/** @typedef {{clips: Clip[], segments: Segment[], products: Product[], limit: number}} State */
/** @typedef {{role?: string | null, product_id?: string | null, tags?: string[], archived?: boolean}} Change */
/** @typedef {{product: string, role: string, tag: string, clip: string, q: string}} Filters */
/** @typedef {{product: Product, roles: Set<string>, missing: string[], seconds: number, ready: boolean, complete: boolean}} Coverage */

const FILTERS = /** @type {const} */ (["product", "role", "tag", "clip", "q"]);
/** In place of a product's id or a role: what has none yet. */
export const NONE = "none";
const FINAL = ["ready", "refused"];

/**
 * What the library holds: signals that the page draws, and what one can do with it. Knows no DOM.
 * @param {State} state
 * @param {string} query of the page's address
 */
export function libraryStore(state, query) {
  const clips = signal(state.clips);
  const segments = signal(state.segments);
  const products = signal(state.products);
  const filters = signal(/** @type {Filters} */ (Object.fromEntries(
    FILTERS.map((name) => [name, new URLSearchParams(query).get(name) ?? ""]))));
  const selected = signal(/** @type {Set<string>} */ (new Set()));
  const titles = computed(() => new Map(products.value.map((product) => [product.id, product.title])));
  const names = computed(() => new Map(clips.value.map((clip) => [clip.id, clip.filename])));
  const tags = computed(() => [...new Set(segments.value.flatMap((segment) => segment.tags))].sort());
  const shown = computed(() => segments.value.filter((segment) => fits(segment, filters.value, titles.value, names.value)));
  const coverage = computed(() => products.value.filter((product) => product.published)
    .map((product) => covered(product, segments.value)).sort(byNeed));
  const working = computed(() => clips.value.filter((clip) => !FINAL.includes(clip.state)).map((clip) => clip.id));

  const store = {
    limit: state.limit, clips, segments, products, filters, selected, titles, names, tags, shown, coverage, working,

    /** Load everything anew. */
    async refresh() {
      const [one, two] = await Promise.all([ask("GET", "/v1/clips"), ask("GET", "/v1/segments")]);
      batch(() => {
        clips.value = one.items;
        segments.value = two.items;
      });
    },

    /** Take up a clip as the service knows it, with its segments when it is ready. @param {string} id */
    async load(id) {
      const clip = await ask("GET", `/v1/clips/${id}`);
      batch(() => {
        put(clips, clip);
        if (clip.state === "ready") {
          segments.value = [...clip.segments, ...segments.value.filter((each) => each.clip_id !== id)];
        }
      });
    },

    /** Hear a fact about a clip. @param {any} fact */
    hear(fact) {
      const known = clips.value.find((clip) => clip.id === fact.id);
      if (fact.state === "removed") {
        forget(fact.id);
      } else if (!known || FINAL.includes(fact.state) || FINAL.includes(known.state)) {
        return store.load(fact.id);
      } else {
        put(clips, { ...known, state: fact.state, progress: fact.progress });
      }
      return undefined;
    },

    /** Change some segments at once. @param {string[]} ids @param {Change} change @param {string[]} [addTags] */
    async edit(ids, change, addTags = []) {
      const changed = (await ask("PATCH", "/v1/segments", { ids, change, add_tags: addTags })).items;
      const byId = new Map(changed.map((/** @type {Segment} */ segment) => [segment.id, segment]));
      segments.value = segments.value.map((segment) => byId.get(segment.id) ?? segment);
      if (change.archived) segments.value = segments.value.filter((segment) => !ids.includes(segment.id));
    },

    /** Bring archived segments back. @param {string[]} ids */
    async restore(ids) {
      await ask("PATCH", "/v1/segments", { ids, change: { archived: false } });
      await store.refresh();
    },

    /** @param {string} id */
    async remove(id) {
      await ask("DELETE", `/v1/clips/${id}`);
      forget(id);
    },

    /** @param {string} id */
    async retry(id) {
      put(clips, await ask("POST", `/v1/clips/${id}/retry`));
    },

    /** @param {Partial<Filters>} change */
    filter(change) {
      filters.value = { ...filters.value, ...change };
    },

    /** The filters as the address keeps them. */
    query() {
      const set = FILTERS.filter((name) => filters.value[name]).map((name) => [name, filters.value[name]]);
      return set.length ? `?${new URLSearchParams(set)}` : "";
    },

    /** @param {string} id @param {boolean} on */
    select(id, on) {
      const next = new Set(selected.value);
      if (on) next.add(id);
      else next.delete(id);
      selected.value = next;
    },
  };

  /** @param {string} id */
  function forget(id) {
    clips.value = clips.value.filter((clip) => clip.id !== id);
    segments.value = segments.value.filter((segment) => segment.clip_id !== id);
  }
  return store;
}

/** @typedef {ReturnType<typeof libraryStore>} Store */

/** @param {import("@preact/signals").Signal<Clip[]>} clips @param {Clip} clip */
function put(clips, clip) {
  const known = clips.value.some((each) => each.id === clip.id);
  clips.value = known ? clips.value.map((each) => (each.id === clip.id ? clip : each)) : [clip, ...clips.value];
}

/**
 * @param {Segment} segment
 * @param {Filters} filters
 * @param {Map<string, string>} titles
 * @param {Map<string, string>} names
 */
function fits(segment, filters, titles, names) {
  const words = `${names.get(segment.clip_id) ?? ""} ${titles.get(segment.product_id ?? "") ?? ""} ${segment.tags.join(" ")}`;
  return (
    (!filters.product || (segment.product_id ?? NONE) === filters.product)
    && (!filters.role || (segment.role ?? NONE) === filters.role)
    && (!filters.tag || segment.tags.includes(filters.tag))
    && (!filters.clip || segment.clip_id === filters.clip)
    && filters.q.toLowerCase().split(/\s+/).every((word) => words.toLowerCase().includes(word))
  );
}

/**
 * Which roles a product has segments for, and how long a video of one of each would be.
 * @param {Product} product
 * @param {Segment[]} segments
 * @returns {Coverage}
 */
export function covered(product, segments) {
  /** @type {Map<string, number>} */
  const longest = new Map();
  for (const segment of segments) {
    if (segment.product_id !== product.id || !segment.role) continue;
    longest.set(segment.role, Math.max(longest.get(segment.role) ?? 0, segment.duration));
  }
  const roles = new Set(longest.keys());
  const missing = ROLES.filter((role) => !roles.has(role));
  const seconds = [...longest.values()].reduce((sum, each) => sum + each, 0);
  const ready = NEEDED.every((role) => roles.has(role)) && seconds >= SHORTEST_VIDEO;
  return { product, roles, missing, seconds, ready, complete: ready && missing.length === 0 };
}

/** @param {Coverage} one @param {Coverage} two */
function byNeed(one, two) {
  return Number(one.complete) - Number(two.complete) || Number(one.ready) - Number(two.ready);
}
