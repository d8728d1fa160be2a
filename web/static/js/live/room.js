import { signal } from "@preact/signals";
import { render } from "preact";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { ChatLog, Composer } from "vitrine/live/chat.js";
import { icon } from "vitrine/live/icon.js";
import { screenOf } from "vitrine/live/screen.js";
import { BagSheet, ProductSheet } from "vitrine/live/sheet.js";
import { PinnedCard, Shelf } from "vitrine/live/shelf.js";
import { RoomSocket } from "vitrine/live/socket.js";
import { Stage } from "vitrine/live/stage.js";
import { OVER, roomStore } from "vitrine/live/store.js";

/** @typedef {import("vitrine/shop/buy.js").Product} Product */

/** The room page: watch, talk and buy without leaving. */
class VitrineRoom extends HTMLElement {
  connectedCallback() {
    const store = roomStore(JSON.parse(this.dataset.room ?? "{}"), JSON.parse(this.dataset.me ?? "{}"));
    const screen = screenOf(store);
    const socket = new RoomSocket(`${store.room.url}/socket`, {
      message: store.take,
      open(open) {
        store.connected.value = open;
        // Where the socket was cut, the picture may be, too.
        if (open) screen.nudge();
      },
    });
    this.stop = store.state.subscribe((state) => screen.follow(state));
    socket.start();
    this.socket = socket;
    this.screen = screen;
    this.replaceChildren();
    render(html`<${Room} store=${store} screen=${screen} send=${socket.send.bind(socket)} />`, this);
  }

  disconnectedCallback() {
    this.stop?.();
    this.socket?.stop();
    this.screen?.stop();
    render(null, this);
  }
}

const product = signal(/** @type {Product | null} */ (null));
const bag = signal(false);

/** @param {{store: import("vitrine/live/store.js").Store, screen: import("vitrine/live/screen.js").Screen, send: (message: object) => boolean}} props */
function Room({ store, screen, send }) {
  const open = (/** @type {Product} */ chosen) => {
    bag.value = false;
    product.value = chosen;
  };
  const count = store.products.value.size;
  const react = () => send({ type: "reaction", kind: "heart" });
  return html`<div class="room">
    <${Stage} store=${store} screen=${screen} />
    <aside class="room-side" aria-label=${t("Chat and product")}>
      <${ChatLog} store=${store} />
      <${PinnedCard} store=${store} open=${open} />
      <div class="room-bar">
        <button class="stage-button bag-button" aria-label=${t("{count} products in this show", { count })} onClick=${() => (bag.value = true)}>
          ${icon("shopping-bag")}<span class="badge" aria-hidden="true">${count}</span>
        </button>
        <${Composer} store=${store} send=${send} />
        <button class="stage-button heart-button" aria-label=${t("Send a heart")} disabled=${OVER.has(store.state.value)} onClick=${react}>${icon("heart")}</button>
      </div>
    </aside>
    <section class="room-shelf" aria-labelledby="room-shelf-title">
      <h2 id="room-shelf-title">${t("Products in this show")}</h2>
      <${Shelf} store=${store} open=${open} />
    </section>
    ${bag.value && html`<${BagSheet} store=${store} open=${open} close=${() => (bag.value = false)} />`}
    ${product.value && html`<${ProductSheet} store=${store} product=${product.value} close=${() => (product.value = null)} />`}
  </div>`;
}

customElements.define("vitrine-room", VitrineRoom);
