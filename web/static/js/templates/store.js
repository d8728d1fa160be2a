import { batch, computed, signal } from "@preact/signals";
import { ask } from "vitrine/api.js";

/** @typedef {{order: string[], needed: string[], shortest_ms: number, longest_ms: number, must_tags: string[], never_tags: string[], brand_cap: number | null, tone: string | null, own_language: boolean, personal: boolean}} Rules */
/** @typedef {{id: string, name: string, category: string | null, active: boolean, rules: Rules}} Template */
/** @typedef {{id: string, role: string, role_name: string, start: number, duration: number, poster: string, thumbnail: string, reason: string, reason_code: string, tags: string[], lent_by: string | null}} Part */
/** @typedef {{id: string, mp4: string, captions: string, poster: string, duration: number, segments: Part[]}} Video */
/** @typedef {{language: string, tag: string, seen: boolean}} Person */
/** @typedef {{video: Video | null, detail: string | null, loading: boolean}} Shown */
/** @typedef {{templates: Template[], standard: Rules, products: {id: string, title: string, category: string}[], categories: {id: string, name: string}[], tags: string[], languages: string[]}} State */

const WAIT_MILLISECONDS = 350;
export const VARIANTS = 30;

/**
 * Templates, the one that is being written, and what it makes. Knows no DOM.
 * @param {State} state
 */
export function templatesStore(state) {
  const templates = signal(state.templates);
  const first = state.templates.find((each) => each.active) ?? state.templates[0];
  const draft = signal(/** @type {Template} */ (structuredClone(first ?? empty(state.standard))));
  const saved = signal(JSON.stringify(draft.value));
  const product = signal(state.products[0]?.id ?? "");
  const people = signal(sample(state));
  const shown = signal(/** @type {Shown[]} */ (people.value.map(() => ({ video: null, detail: null, loading: true }))));
  const variants = signal(/** @type {Video[] | null} */ (null));
  const vetoed = signal(/** @type {Set<string>} */ (new Set()));
  const busy = signal(false);
  const dirty = computed(() => JSON.stringify(draft.value) !== saved.value);
  let timer = 0;
  let turn = 0;

  const store = {
    ...state, templates, draft, product, people, shown, variants, vetoed, busy, dirty,

    /** Write something else. @param {Template | null} template */
    choose(template) {
      batch(() => {
        draft.value = structuredClone(template ?? empty(state.standard));
        saved.value = JSON.stringify(draft.value);
        variants.value = null;
      });
      store.look();
    },

    /** @param {Partial<Template>} change */
    change(change) {
      draft.value = { ...draft.value, ...change };
    },

    /** @param {Partial<Rules>} change */
    rule(change) {
      draft.value = { ...draft.value, rules: { ...draft.value.rules, ...change } };
      store.look();
    },

    /** @param {string} id */
    about(id) {
      product.value = id;
      variants.value = null;
      store.look();
    },

    /** @param {number} number @param {Partial<Person>} change */
    person(number, change) {
      people.value = people.value.map((each, at) => (at === number ? { ...each, ...change } : each));
      store.look();
    },

    /** Make the previews anew, a moment after the last change. */
    look() {
      clearTimeout(timer);
      const mine = ++turn;
      shown.value = shown.value.map((each) => ({ ...each, loading: true }));
      timer = setTimeout(async () => {
        // Who has seen the usual video is shown another: so that one comes first.
        const usual = await preview({ ...people.value[0], tag: "", seen: false }, []);
        const seen = usual.video?.segments.map((each) => each.id) ?? [];
        const made = await Promise.all(people.value.map((each) => preview(each, each.seen ? seen : [])));
        if (mine === turn) shown.value = made;
      }, WAIT_MILLISECONDS);
    },

    /** Keep the draft; `active` publishes it. @param {boolean} active */
    async save(active) {
      const { id, name, category, rules } = draft.value;
      const body = { name, category, active, rules };
      const kept = id ? await ask("PUT", `/v1/templates/${id}`, body) : await ask("POST", "/v1/templates", body);
      batch(() => {
        templates.value = [...templates.value.filter((each) => each.id !== kept.id), kept].sort((one, two) => one.name.localeCompare(two.name));
        draft.value = structuredClone(kept);
        saved.value = JSON.stringify(kept);
      });
    },

    async remove() {
      const { id } = draft.value;
      if (id) await ask("DELETE", `/v1/templates/${id}`);
      templates.value = templates.value.filter((each) => each.id !== id);
      store.choose(templates.value[0] ?? null);
    },

    /** Make many variants. */
    async campaign() {
      busy.value = true;
      try {
        const body = { product_id: product.value, rules: draft.value.rules, language: people.value[0].language || null, count: VARIANTS };
        const found = await ask("POST", "/v1/campaign", body);
        batch(() => {
          variants.value = found.videos;
          vetoed.value = new Set();
        });
      } finally {
        busy.value = false;
      }
    },

    /** Rule a video out, or allow it again. @param {Video} video @param {boolean} on */
    async veto(video, on) {
      const segment_ids = video.segments.map((each) => each.id);
      await ask("PUT", "/v1/vetoes", { product_id: product.value, segment_ids, vetoed: on });
      const next = new Set(vetoed.value);
      if (on) next.add(video.id);
      else next.delete(video.id);
      vetoed.value = next;
      store.look();
    },
  };

  /** @param {Person} person @param {string[]} seen @returns {Promise<Shown>} */
  async function preview(person, seen) {
    if (!product.value) return { video: null, detail: null, loading: false };
    const tastes = person.tag ? { [person.tag]: 1 } : {};
    const profile = { language: person.language || null, tastes, seen };
    try {
      const answer = await ask("POST", "/v1/preview", { product_id: product.value, rules: draft.value.rules, profile });
      return { ...answer, loading: false };
    } catch (error) {
      return { video: null, detail: /** @type {Error} */ (error).message, loading: false };
    }
  }
  return store;
}

/** @typedef {ReturnType<typeof templatesStore>} Store */

/** @param {Rules} rules @returns {Template} */
export function empty(rules) {
  return { id: "", name: "", category: null, active: false, rules };
}

/** Three people to begin with: somebody new, somebody with a taste, somebody who has seen the usual video. @param {State} state @returns {Person[]} */
function sample(state) {
  const [first = "", second = first] = state.languages;
  return [
    { language: first, tag: "", seen: false },
    { language: second, tag: state.tags[0] ?? "", seen: false },
    { language: first, tag: "", seen: true },
  ];
}
