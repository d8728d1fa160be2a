import { signal } from "@preact/signals";
import { render } from "preact";
import { ask, Problem } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { locale, money, t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";

/** @typedef {import("vitrine/shop/buy.js").Product} Product */

const LONGEST_TITLE = 120;
const LISTED = 50;
const SEARCH_PAUSE = 250;

const title = signal("");
const language = signal(locale);
const later = signal(false);
const at = signal("");
const query = signal("");
const found = signal(/** @type {Product[] | null} */ (null));
const chosen = signal(/** @type {Map<string, Product>} */ (new Map()));
const error = signal(/** @type {{field: string, sentence: string}} */ ({ field: "", sentence: "" }));
const busy = signal(false);
/** @type {number | undefined} */
let timer;

async function search() {
  const answer = await ask("GET", `/v1/products?limit=${LISTED}&q=${encodeURIComponent(query.value)}`).catch(() => ({ items: [] }));
  found.value = answer.items;
}

/** @param {Product} product */
function toggle(product) {
  const next = new Map(chosen.value);
  if (!next.delete(product.id)) next.set(product.id, product);
  chosen.value = next;
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  if (busy.value) return;
  error.value = { field: "", sentence: "" };
  busy.value = true;
  try {
    const room = await ask("POST", "/v1/rooms", {
      title: title.value,
      product_ids: [...chosen.value.keys()],
      language: language.value,
      scheduled_for: later.value && at.value ? new Date(at.value).toISOString() : null,
    });
    location.assign(`/studio/${room.id}`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    error.value = { field: String(problem.body.field ?? ""), sentence: problem.message };
    busy.value = false;
  }
}

/** @param {{field: string}} props */
function Wrong({ field }) {
  if (error.value.field !== field) return null;
  return html`<span class="error" role="alert" id=${`${field}-error`}>${error.value.sentence}</span>`;
}

function Form() {
  return html`<form class="plan stack" novalidate onSubmit=${submit}>
    <p class="field">
      <label for="title">${t("Title of the show")}</label>
      <input class="input" id="title" maxlength=${LONGEST_TITLE} required value=${title.value} placeholder=${t("What will you show?")} aria-invalid=${error.value.field === "title"}
        onInput=${(/** @type {any} */ event) => (title.value = event.currentTarget.value)} />
      <${Wrong} field="title" />
    </p>
    <${Chooser} />
    <fieldset class="plan-when">
      <legend class="label">${t("When")}</legend>
      <label class="choice"><input type="radio" name="when" checked=${!later.value} onChange=${() => (later.value = false)} /> ${t("Now: the doors open at once")}</label>
      <label class="choice"><input type="radio" name="when" checked=${later.value} onChange=${() => (later.value = true)} /> ${t("Later")}</label>
      ${later.value &&
      html`<p class="field"><label for="at">${t("Day and time")}</label>
        <input class="input" id="at" type="datetime-local" value=${at.value} onInput=${(/** @type {any} */ event) => (at.value = event.currentTarget.value)} /></p>`}
      <${Wrong} field="scheduled_for" />
    </fieldset>
    <p class="field">
      <label for="language">${t("Language of the show")}</label>
      <select class="input" id="language" value=${language.value} onChange=${(/** @type {any} */ event) => (language.value = event.currentTarget.value)}>
        <option value="de">Deutsch</option>
        <option value="en">English</option>
      </select>
    </p>
    ${error.value.sentence && !["title", "product_ids", "scheduled_for"].includes(error.value.field) && html`<p class="notice notice-bad" role="alert">${error.value.sentence}</p>`}
    <button class="button button-wide" disabled=${busy.value}>${later.value ? t("Plan the show") : t("Set up the show")}</button>
  </form>`;
}

/** Search and tick; what is ticked stays in sight in the order of ticking, which is the order in the show. */
function Chooser() {
  return html`<fieldset class="chooser">
    <legend class="label">${t("Products")} <span class="soft">${t("{count} chosen", { count: chosen.value.size })}</span></legend>
    ${chosen.value.size > 0 &&
    html`<ul class="chosen">
      ${[...chosen.value.values()].map(
        (product) => html`<li key=${product.id}><button type="button" class="chip" aria-label=${t("Take {title} out", { title: product.title })} onClick=${() => toggle(product)}>${product.title} ${icon("x")}</button></li>`,
      )}
    </ul>`}
    <p class="chooser-search">${icon("search")}<label class="visually-hidden" for="product-search">${t("Search products")}</label>
      <input class="input" id="product-search" type="search" placeholder=${t("Search products")} value=${query.value}
        onInput=${(/** @type {any} */ event) => {
          query.value = event.currentTarget.value;
          clearTimeout(timer);
          timer = setTimeout(search, SEARCH_PAUSE);
        }} />
    </p>
    <ul class="chooser-list" aria-label=${t("Products found")}>
      ${found.value === null && html`<li class="skeleton chooser-skeleton"></li>`}
      ${found.value?.length === 0 && html`<li class="soft">${t("No product is called that.")}</li>`}
      ${found.value?.map(
        (product) => html`<li key=${product.id}>
          <label class="choice chooser-item">
            <input type="checkbox" checked=${chosen.value.has(product.id)} onChange=${() => toggle(product)} />
            ${product.image ? html`<img src=${product.image} alt="" width="64" height="80" loading="lazy" />` : html`<span class="rail-blank">${icon("package")}</span>`}
            <span class="rail-words"><strong>${product.title}</strong><span class="small soft">${product.brand} · ${money(product.price)} · ${t("{count} left", { count: product.stock })}</span></span>
          </label>
        </li>`,
      )}
    </ul>
    <${Wrong} field="product_ids" />
  </fieldset>`;
}

/** The form with which a host makes a room. */
class VitrinePlan extends HTMLElement {
  connectedCallback() {
    search();
    this.replaceChildren();
    render(html`<${Form} />`, this);
  }
}

customElements.define("vitrine-plan", VitrinePlan);
