import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { BulkBar } from "vitrine/merchant/bulk-bar.js";
import { CoverageList } from "vitrine/merchant/coverage.js";
import { Details } from "vitrine/merchant/details.js";
import { DropZone } from "vitrine/merchant/drop-zone.js";
import { ProgressList } from "vitrine/merchant/progress-list.js";
import { SegmentGrid } from "vitrine/merchant/segment-grid.js";
import { libraryStore } from "vitrine/merchant/store.js";
import { uploadQueue } from "vitrine/merchant/uploads.js";
import { hear } from "vitrine/stream.js";

/** Facts come over the stream; this only finds what was said while it was not open. */
const LOOK_AGAIN_MILLISECONDS = 10_000;

/** The merchant's library: `<merchant-library data-state>`. */
class MerchantLibrary extends HTMLElement {
  connectedCallback() {
    const store = libraryStore(JSON.parse(this.dataset.state ?? "{}"), location.search);
    const fresh = signal(new Set(store.working.value));
    const queue = uploadQueue(store.limit, (clip) => {
      fresh.value = new Set([...fresh.value, clip.id]);
      store.clips.value = [clip, ...store.clips.value.filter((each) => each.id !== clip.id)];
    });
    queue.recall().catch(() => {}); // an earlier visit's uploads; without them one starts anew
    const undo = [
      hear("clip", (fact) => {
        fresh.value = fact.state === "removed" ? fresh.value : new Set([...fresh.value, fact.id]);
        store.hear(fact)?.catch(() => {});
      }),
      hear("back", () => store.refresh().catch(() => {})),
      effect(() => history.replaceState(null, "", `${location.pathname}${store.query()}`)),
    ];
    const timer = setInterval(() => {
      for (const id of store.working.value) store.load(id).catch(() => {});
    }, LOOK_AGAIN_MILLISECONDS);
    addEventListener("beforeunload", (event) => {
      if (queue.busy()) event.preventDefault();
    });
    this.leave = () => {
      clearInterval(timer);
      for (const each of undo) each();
    };
    render(html`<${Library} store=${store} queue=${queue} fresh=${fresh} />`, this);
  }

  disconnectedCallback() {
    this.leave?.();
    render(null, this);
  }

  /** @type {(() => void) | undefined} */
  leave;
}

/** @param {{store: import("vitrine/merchant/store.js").Store, queue: import("vitrine/merchant/uploads.js").Queue, fresh: import("@preact/signals").Signal<Set<string>>}} props */
function Library({ store, queue, fresh }) {
  const missing = store.clips.value.flatMap((clip) => clip.warnings).find((each) => each.code === "cv2-missing");
  return html`
    ${missing && html`<p class="notice notice-warn" role="status">${icon("triangle-alert")}<span>${missing.detail}</span></p>`}
    ${!store.products.value.length && html`<${FirstSteps} />`}
    <${DropZone} store=${store} queue=${queue} />
    <${ProgressList} store=${store} queue=${queue} fresh=${fresh} />
    <div class="library-columns">
      <${SegmentGrid} store=${store} />
      <${CoverageList} store=${store} />
    </div>
    <${BulkBar} store=${store} />
    <${Details} store=${store} />`;
}

function FirstSteps() {
  return html`<section class="card first-steps" aria-labelledby="first-title">
    <h2 id="first-title">${t("Three steps to your first video")}</h2>
    <ol>
      <li><strong>${t("Add a product.")}</strong> ${t("Title, price, stock and a picture.")} <a href="/merchant/products/new">${t("Add a product")}</a></li>
      <li><strong>${t("Upload clips.")}</strong> ${t("Film with your phone, upright if you can. They are cut into segments by themselves.")}</li>
      <li><strong>${t("Say what each segment is.")}</strong> ${t("Every video needs an offer and a call to action, and 12 seconds in all.")}</li>
    </ol>
  </section>`;
}

customElements.define("merchant-library", MerchantLibrary);
