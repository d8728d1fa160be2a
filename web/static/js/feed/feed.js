import { render } from "preact";
import { Control } from "vitrine/feed/control.js";
import { Screen } from "vitrine/feed/screen.js";
import { html } from "vitrine/html.js";

/** The feed of a page; its data attributes carry the first answer of GET /v1/feed. */
class FeedElement extends HTMLElement {
  connectedCallback() {
    const { first, start, consent, share, gone } = this.dataset;
    const control = new Control(this, {
      first: JSON.parse(first ?? "{}"),
      start: start ?? "",
      agreed: consent === "yes",
      share: share ?? "",
      gone: gone === "yes",
    });
    this.replaceChildren();
    render(html`<${Screen} at=${control} />`, this);
    control.start();
  }
}

customElements.define("vitrine-feed", FeedElement);
