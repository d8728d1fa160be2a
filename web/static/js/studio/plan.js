import { signal } from "@preact/signals";
import { render } from "preact";
import { ask, Problem } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { locale, money, t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";

/** @typedef {import("vitrine/shop/buy.js").Product} Product */

const LONGEST_TITLE = 120;
const MOST_PRODUCTS = 100;
const LISTED = 50;
const SEARCH_PAUSE = 250;

const title = signal("");
const language = signal(locale);
const later = signal(false);
const at = signal("");
const query = signal("");
const found = signal(/** @type {Product[]} */ ([]));
const chosen = signal(/** @type {Map<string, Product>} */ (new Map()));
/** Sentences by the field's name, in the order of the form; "" is for what belongs to no field. */
const errors = signal(/** @type {Record<string, string>} */ ({}));
/** Where one types what a field holds. */
const PLACES = /** @type {Record<string, string>} */ ({ title: "title", product_ids: "product-search", scheduled_for: "at" });
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
  mend("product_ids");
}

/** What is being changed is not called wrong any longer. @param {string} field */
function mend(field) {
  if (!(field in errors.value)) return;
  const { [field]: _, ...others } = errors.value;
  errors.value = others;
}

/** What a look shows to be wrong, before the server is asked. */
function wrongAtFirstSight() {
  /** @type {Record<string, string>} */
  const found = {};
  if (!title.value.trim()) found.title = t("Give a title of at most {most} characters.", { most: LONGEST_TITLE });
  if (chosen.value.size < 1 || chosen.value.size > MOST_PRODUCTS) found.product_ids = t("Choose 1 to {most} products.", { most: MOST_PRODUCTS });
  if (later.value && !(Date.parse(at.value) > Date.now())) found.scheduled_for = t("Choose a time in the future.");
  return found;
}

/** Say what is wrong and go where it can be put right. @param {Record<string, string>} found */
function complain(found) {
  errors.value = found;
  const [first] = Object.keys(found);
  // Drawn first, so that the field is described by its sentence when it gets the focus.
  requestAnimationFrame(() => goTo(PLACES[first] ?? "plan-errors"));
}

/** @param {string} id */
function goTo(id) {
  const place = document.getElementById(id);
  place?.focus({ preventScroll: true });
  place?.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  if (busy.value) return;
  const wrong = wrongAtFirstSight();
  if (Object.keys(wrong).length > 0) return complain(wrong);
  errors.value = {};
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
    busy.value = false;
    const field = String(problem.body.field ?? "");
    complain({ [field in PLACES ? field : ""]: problem.message });
  }
}

/** @param {{field: string}} props */
function Wrong({ field }) {
  const sentence = errors.value[field];
  return sentence ? html`<span class="error" id=${`${field}-error`}>${icon("triangle-alert")} ${sentence}</span>` : null;
}

/** What ties a field to the sentence about it. @param {string} field */
function tie(field) {
  const wrong = field in errors.value;
  return { "aria-invalid": wrong ? "true" : undefined, "aria-describedby": wrong ? `${field}-error` : undefined };
}

/** Everything that is wrong, beside the button that did not do its work. */
function Errors() {
  const found = Object.entries(errors.value);
  const follow = (/** @type {MouseEvent} */ event, /** @type {string} */ id) => {
    event.preventDefault();
    goTo(id);
  };
  return html`<div id="plan-errors" role="alert" tabindex="-1">
    ${found.length > 0 &&
    html`<div class="notice notice-bad">${icon("triangle-alert")}<div>
      <p><strong>${t("The show is not set up yet:")}</strong></p>
      <ul>
        ${found.map(([field, sentence]) => html`<li key=${field}>${field in PLACES ? html`<a href=${`#${PLACES[field]}`} onClick=${(/** @type {MouseEvent} */ event) => follow(event, PLACES[field])}>${sentence}</a>` : sentence}</li>`)}
      </ul>
    </div></div>`}
  </div>`;
}

function Form() {
  return html`<form class="plan stack" novalidate onSubmit=${submit}>
    <p class="field">
      <label for="title">${t("Title of the show")}</label>
      <input class="input" id="title" maxlength=${LONGEST_TITLE} required value=${title.value} placeholder=${t("What will you show?")} ...${tie("title")}
        onInput=${(/** @type {any} */ event) => {
          title.value = event.currentTarget.value;
          mend("title");
        }} />
      <${Wrong} field="title" />
    </p>
    <${Chooser} />
    <fieldset class="plan-when">
      <legend class="label">${t("When")}</legend>
      <label class="choice"><input type="radio" name="when" checked=${!later.value} onChange=${() => {
        later.value = false;
        mend("scheduled_for");
      }} /> ${t("Now: the doors open at once")}</label>
      <label class="choice"><input type="radio" name="when" checked=${later.value} onChange=${() => (later.value = true)} /> ${t("Later")}</label>
      ${later.value &&
      html`<p class="field"><label for="at">${t("Day and time")}</label>
        <input class="input" id="at" type="datetime-local" value=${at.value} ...${tie("scheduled_for")} onInput=${(/** @type {any} */ event) => {
          at.value = event.currentTarget.value;
          mend("scheduled_for");
        }} />
        <${Wrong} field="scheduled_for" /></p>`}
    </fieldset>
    <p class="field">
      <label for="language">${t("Language of the show")}</label>
      <select class="input" id="language" value=${language.value} onChange=${(/** @type {any} */ event) => (language.value = event.currentTarget.value)}>
        <option value="de">Deutsch</option>
        <option value="en">English</option>
      </select>
    </p>
    <${Errors} />
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
        (product) => html`<li key=${product.id}><button type="button" class="chip" aria-label=${t("Take {title} out", { title: product.title })} onClick=${() => toggle(product)}><span>${product.title}</span> ${icon("x")}</button></li>`,
      )}
    </ul>`}
    <p class="chooser-search">${icon("search")}<label class="visually-hidden" for="product-search">${t("Search products")}</label>
      <input class="input" id="product-search" type="search" placeholder=${t("Search products")} value=${query.value} ...${tie("product_ids")}
        onInput=${(/** @type {any} */ event) => {
          query.value = event.currentTarget.value;
          clearTimeout(timer);
          timer = setTimeout(search, SEARCH_PAUSE);
        }} />
    </p>
    <${Wrong} field="product_ids" />
    <ul class="chooser-list" aria-label=${t("Products found")}>
      ${found.value.length === 0 && html`<li class="soft">${t("No product is called that.")}</li>`}
      ${found.value.map(
        (product) => html`<li key=${product.id}>
          <label class="choice chooser-item">
            <input type="checkbox" checked=${chosen.value.has(product.id)} onChange=${() => toggle(product)} />
            ${product.image ? html`<img src=${product.image} alt="" width="64" height="80" loading="lazy" />` : html`<span class="rail-blank">${icon("package")}</span>`}
            <span class="rail-words"><strong>${product.title}</strong><span class="small soft">${product.brand} · ${money(product.price)} · ${t("{count} left", { count: product.stock })}</span></span>
          </label>
        </li>`,
      )}
    </ul>
  </fieldset>`;
}

/** The form with which a host makes a room. */
class VitrinePlan extends HTMLElement {
  connectedCallback() {
    /** @type {Product[]} */
    const products = JSON.parse(this.dataset.products ?? "[]");
    // The server has drawn the form already: what was typed and ticked before this script came stays.
    const ticked = new Set([...this.querySelectorAll("input[type=checkbox]:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value));
    found.value = products;
    chosen.value = new Map(products.filter(({ id }) => ticked.has(id)).map((product) => [product.id, product]));
    title.value = this.#field("#title").value;
    query.value = this.#field("#product-search").value;
    language.value = /** @type {typeof locale} */ (this.#field("#language").value);
    later.value = this.#field("[value=later]").checked;
    if (query.value) search();
    render(html`<${Form} />`, this);
  }

  /** @param {string} selector */
  #field(selector) {
    return /** @type {HTMLInputElement} */ (this.querySelector(selector));
  }
}

customElements.define("vitrine-plan", VitrinePlan);
