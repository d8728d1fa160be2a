import { render } from "preact";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { TemplateForm } from "vitrine/templates/form.js";
import { People } from "vitrine/templates/people.js";
import { templatesStore } from "vitrine/templates/store.js";
import { Variants } from "vitrine/templates/variants.js";

/** How the merchant's videos are told: `<merchant-templates data-state>`. */
class MerchantTemplates extends HTMLElement {
  connectedCallback() {
    const store = templatesStore(JSON.parse(this.dataset.state ?? "{}"));
    store.look();
    this.warn = (/** @type {BeforeUnloadEvent} */ event) => {
      if (store.dirty.value && store.draft.value.name) event.preventDefault();
    };
    addEventListener("beforeunload", this.warn);
    render(html`<${Page} store=${store} />`, this);
  }

  disconnectedCallback() {
    if (this.warn) removeEventListener("beforeunload", this.warn);
    render(null, this);
  }

  /** @type {((event: BeforeUnloadEvent) => void) | undefined} */
  warn;
}

/** @param {{store: import("vitrine/templates/store.js").Store}} props */
function Page({ store }) {
  const { id } = store.draft.value;
  const standard = !store.templates.value.some((each) => each.active && each.category === null);
  return html`
    <nav class="template-list" aria-label=${t("Your templates")}>
      ${store.templates.value.map((each) => html`<button type="button" key=${each.id} class="template-tab" aria-current=${each.id === id ? "true" : undefined} onClick=${() => store.choose(each)}>
        <strong>${each.name}</strong>
        <span class=${`chip ${each.active ? "chip-good" : ""}`}>${each.active ? t("Published") : t("Draft")}</span>
        <span class="soft small">${categoryName(store, each.category)}</span>
      </button>`)}
      <button type="button" class="template-tab template-new" aria-current=${id ? undefined : "true"} onClick=${() => store.choose(null)}>${icon("plus")}<strong>${t("New template")}</strong></button>
    </nav>
    ${standard && html`<p class="soft small">${t("Where you have published none, the standard holds: hook, demonstration, proof, offer, call to action, 12 to 30 seconds.")}</p>`}
    <div class="template-columns">
      <${TemplateForm} key=${id} store=${store} />
      <div class="template-results">
        <${People} store=${store} />
        <${Variants} store=${store} />
      </div>
    </div>`;
}

/** @param {import("vitrine/templates/store.js").Store} store @param {string | null} category */
export function categoryName(store, category) {
  if (category === null) return t("For all products");
  return store.categories.find((each) => each.id === category)?.name ?? category;
}

customElements.define("merchant-templates", MerchantTemplates);
