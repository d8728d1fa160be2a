import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { Board, languageName } from "vitrine/templates/board.js";

/**
 * Three people side by side: who they are, and the video that each would get.
 * @param {{store: import("vitrine/templates/store.js").Store}} props
 */
export function People({ store }) {
  if (!store.products.length) {
    return html`<section class="empty">${icon("package")}<p>${t("Put a product on sale and sort its segments. Then you see here what your rules make of them.")}</p>
      <a class="button" href="/merchant/products">${t("Products")}</a></section>`;
  }
  return html`<section class="card" aria-labelledby="people-title">
    <div class="row spread">
      <h2 id="people-title">${t("What three people get")}</h2>
      <select class="input people-product" aria-label=${t("Product")} onChange=${(/** @type {any} */ event) => store.about(event.currentTarget.value)}>
        ${store.products.map((each) => html`<option value=${each.id} selected=${each.id === store.product.value}>${each.title}</option>`)}
      </select>
    </div>
    <ol class="people">
      ${store.people.value.map((person, number) => html`<${Person} key=${number} store=${store} person=${person} number=${number} shown=${store.shown.value[number]} />`)}
    </ol>
  </section>`;
}

/** @param {{store: import("vitrine/templates/store.js").Store, person: import("vitrine/templates/store.js").Person, number: number, shown: import("vitrine/templates/store.js").Shown}} props */
function Person({ store, person, number, shown }) {
  const title = t("Person {number}", { number: number + 1 });
  return html`<li class="person" aria-busy=${shown.loading} data-person=${number}>
    <h3>${icon("user")}${title}</h3>
    <div class="person-about">
      <select class="input" aria-label=${t("Language of person {number}", { number: number + 1 })} onChange=${(/** @type {any} */ event) => store.person(number, { language: event.currentTarget.value })}>
        ${store.languages.map((each) => html`<option value=${each} selected=${each === person.language}>${languageName(each)}</option>`)}
        <option value="" selected=${!person.language}>${t("Any language")}</option>
      </select>
      <select class="input" aria-label=${t("What person {number} likes", { number: number + 1 })} onChange=${(/** @type {any} */ event) => store.person(number, { tag: event.currentTarget.value })}>
        <option value="" selected=${!person.tag}>${t("Likes nothing special")}</option>
        ${store.tags.map((each) => html`<option value=${each} selected=${each === person.tag}>${t("Likes {tag}", { tag: each })}</option>`)}
      </select>
      <label class="choice small"><input type="checkbox" checked=${person.seen} onChange=${(/** @type {any} */ event) => store.person(number, { seen: event.currentTarget.checked })} />${t("Has seen the usual video")}</label>
    </div>
    ${shown.video && html`<${Board} video=${shown.video} label=${title} />`}
    ${!shown.video && shown.loading && html`<div class="board-video skeleton"></div>`}
    ${!shown.video && !shown.loading && html`<p class="notice notice-warn">${icon("triangle-alert")}<span>${shown.detail} <a href="/merchant/coverage">${t("Look at the coverage map")}</a></span></p>`}
  </li>`;
}
