import { batch, computed, signal } from "@preact/signals";
import { ask } from "vitrine/api.js";
import { covered, byNeed } from "vitrine/merchant/coverage-of.js";

/** @typedef {{code: string, detail: string}} Warning */
/** @typedef {{id: string, filename: string, state: string, progress: number, reason: string | null, detail: string | null, retryable: boolean, warnings: Warning[], bytes: number, duration: number | null, created_at: string}} Clip */
/** @typedef {{state: string, in: number, out: number, reason: string | null}} Recut */
/** @typedef {{id: string, clip_id: string, product_id: string | null, category: string | null, role: string | null, tags: string[], language: string | null, season: string | null, start: number, duration: number, has_sound: boolean, position: number, mp4: string, thumbnail: string, poster: string, valid_from: string | null, valid_until: string | null, rights_until: string | null, rights_note: string | null, speech: boolean | null, speech_likely: boolean | null, findings: string[], proposal: {role: string, tags: string[]} | null, captions: string[], uncaptioned: boolean, version: number, used_in: number, recut: Recut | null, lacks: string[], archived: boolean}} Segment */
/** @typedef {{id: string, title: string, image: string | null, published: boolean, stock: number}} Product */
/** @typedef {{items: Segment[], total: number, next: string | null}} Found */
/** @typedef {{clips: Clip[], found: Found, tags: string[], languages: string[], coverage: import("vitrine/merchant/coverage-of.js").Cell[], products: Product[], limit: number}} State */
/** @typedef {Partial<Pick<Segment, "role" | "product_id" | "tags" | "language" | "season" | "valid_from" | "valid_until" | "rights_until" | "rights_note" | "speech" | "uncaptioned" | "archived">>} Change */
/** @typedef {Record<typeof FILTERS[number], string>} Filters */

const FILTERS = /** @type {const} */ (["product", "role", "tag", "clip", "q", "language", "season", "state"]);
/** In place of a product's id or a role: what has none yet. */
export const NONE = "none";
const FINAL = ["ready", "refused"];
const PAGE = 60;
const MOST = 500;
/** How many segments one request changes. */
const MOST_EDITED = 200;
const TYPING_MILLISECONDS = 250;

/**
 * What the library shows: signals that the page draws, and what one can do with it. Knows no DOM.
 * @param {State} state
 * @param {string} query of the page's address
 */
export function libraryStore(state, query) {
  const clips = signal(state.clips);
  const segments = signal(state.found.items);
  const total = signal(state.found.total);
  const next = signal(state.found.next);
  const searching = signal(false);
  const products = signal(state.products);
  const cells = signal(state.coverage);
  const knownTags = signal(state.tags);
  /** How many segments each clip that was loaded has. */
  const counts = signal(/** @type {Map<string, number>} */ (new Map()));
  const filters = signal(/** @type {Filters} */ (Object.fromEntries(
    FILTERS.map((name) => [name, new URLSearchParams(query).get(name) ?? ""]))));
  const selected = signal(/** @type {Set<string>} */ (new Set()));
  /** The segment whose details are open. */
  const open = signal("");
  const titles = computed(() => new Map(products.value.map((product) => [product.id, product.title])));
  const names = computed(() => new Map(clips.value.map((clip) => [clip.id, clip.filename])));
  const tags = computed(() => [...new Set([...knownTags.value, ...segments.value.flatMap((segment) => segment.tags)])].sort());
  const coverage = computed(() => products.value.filter((product) => product.published)
    .map((product) => covered(product, cells.value)).sort(byNeed));
  const working = computed(() => clips.value.filter((clip) => !FINAL.includes(clip.state)).map((clip) => clip.id));
  let asked = 0;
  let typing = 0;

  const store = {
    limit: state.limit, languages: state.languages,
    clips, segments, total, next, searching, products, filters, selected, open, titles, names, tags, counts, coverage, working,

    /** Load everything anew. */
    async refresh() {
      const [one] = await Promise.all([ask("GET", "/v1/clips"), store.search(), store.recount()]);
      clips.value = one.items;
    },

    /** Find the segments that fit the filters, as many as were shown already. */
    async search() {
      const turn = ++asked;
      searching.value = true;
      try {
        const most = Math.min(MOST, Math.max(PAGE, segments.value.length));
        const found = await ask("GET", `/v1/segments${address({ limit: String(most) })}`);
        // what was asked for later counts
        if (turn === asked) batch(() => show(found, []));
      } finally {
        if (turn === asked) searching.value = false;
      }
    },

    /** Show the next page too. */
    async more() {
      const turn = ++asked;
      const found = await ask("GET", `/v1/segments${address({ limit: String(PAGE), cursor: next.value ?? "" })}`);
      if (turn === asked) batch(() => show(found, segments.value));
    },

    async recount() {
      cells.value = (await ask("GET", "/v1/coverage")).items;
    },

    /** Take up a clip as the service knows it, with its segments when it is ready. @param {string} id */
    async load(id) {
      const clip = await ask("GET", `/v1/clips/${id}`);
      // Who is told that it is ready finds its segments there.
      if (clip.state === "ready") await Promise.all([store.search(), store.recount()]);
      batch(() => {
        put(clips, clip);
        counts.value = new Map(counts.value).set(id, clip.segments.length);
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

    /**
     * Change some segments at once; returns what brings them back to what they were.
     * @param {string[]} ids @param {Change} change @param {string[]} [addTags]
     * @returns {Promise<() => Promise<void>>}
     */
    async edit(ids, change, addTags = []) {
      const names = /** @type {(keyof Change)[]} */ ([...Object.keys(change), ...(addTags.length ? ["tags"] : [])]);
      const before = segments.value.filter((segment) => ids.includes(segment.id)).map((segment) => (
        { id: segment.id, change: Object.fromEntries(names.map((name) => [name, segment[name]])) }));
      for (let at = 0; at < ids.length; at += MOST_EDITED) {
        take((await ask("PATCH", "/v1/segments", { ids: ids.slice(at, at + MOST_EDITED), change, add_tags: addTags })).items);
      }
      return async () => {
        for (let at = 0; at < before.length; at += MOST_EDITED) {
          await ask("PATCH", "/v1/segments", { items: before.slice(at, at + MOST_EDITED) });
        }
        await store.refresh();
      };
    },

    /** Take up a segment as the service answered it. @param {Segment} segment */
    took(segment) {
      take([segment]);
    },

    /** @param {string} id */
    async remove(id) {
      await ask("DELETE", `/v1/clips/${id}`);
      forget(id);
      await store.recount();
    },

    /** @param {string} id */
    async retry(id) {
      put(clips, await ask("POST", `/v1/clips/${id}/retry`));
    },

    /** @param {Partial<Filters>} change */
    filter(change) {
      batch(() => {
        filters.value = { ...filters.value, ...change };
        searching.value = true;
      });
      clearTimeout(typing);
      typing = setTimeout(() => store.search().catch(() => {}), "q" in change ? TYPING_MILLISECONDS : 0);
    },

    /** The filters as the address keeps them. */
    query() {
      return address({});
    },

    /** @param {string} id @param {boolean} on */
    select(id, on) {
      const next = new Set(selected.value);
      if (on) next.add(id);
      else next.delete(id);
      selected.value = next;
    },

    /** Select all from one segment to another, as they are shown. @param {string} from @param {string} to */
    selectTo(from, to) {
      const ids = segments.value.map((segment) => segment.id);
      const [one, two] = [ids.indexOf(from), ids.indexOf(to)].sort((left, right) => left - right);
      if (one >= 0) selected.value = new Set([...selected.value, ...ids.slice(one, two + 1)]);
    },
  };

  /** @param {Record<string, string>} more */
  function address(more) {
    const set = Object.entries({ ...filters.value, ...more }).filter(([, value]) => value);
    return set.length ? `?${new URLSearchParams(set)}` : "";
  }

  /** @param {Found} found @param {Segment[]} before */
  function show(found, before) {
    segments.value = [...before, ...found.items];
    total.value = found.total;
    next.value = found.next;
  }

  /** @param {Segment[]} changed */
  function take(changed) {
    const byId = new Map(changed.map((segment) => [segment.id, segment]));
    const archives = filters.value.state === "archived";
    const kept = segments.value.map((segment) => byId.get(segment.id) ?? segment).filter((segment) => segment.archived === archives);
    batch(() => {
      total.value -= segments.value.length - kept.length;
      segments.value = kept;
    });
    store.recount().catch(() => {});
  }

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
