import { computed, signal } from "@preact/signals";
import { t } from "vitrine/i18n.js";

/** @typedef {import("vitrine/shop/buy.js").Product} Product */
/** @typedef {{id: string, title: string, state: string, host: {id: string, name: string}, scheduled_for: string | null, started_at: string | null, pinned: string | null, viewers: number, products: Product[], url: string, hls?: string}} Room */
/** @typedef {{id: string, name: string, guest: boolean}} Me */
/** @typedef {{id: string, name: string, text: string, host: boolean, mine: boolean, at: string}} Line */

/** Older lines are dropped: nobody scrolls back further in a running show. */
const MOST_LINES = 200;
const TOO_FAST_SECONDS = 3;
export const OVER = new Set(["ended", "cancelled"]);

/**
 * What is known of a room: signals that the page draws, and `take` for each message of the socket. Knows no DOM.
 * @param {Room} room
 * @param {Me} me
 */
export function roomStore(room, me) {
  const products = signal(new Map(room.products.map((product) => [product.id, product])));
  const pinnedId = signal(room.pinned);
  /** Seconds between two messages of one person. */
  let slow = 0;
  const store = {
    room,
    me,
    state: signal(room.state),
    connected: signal(false),
    viewers: signal(room.viewers),
    products,
    pinnedId,
    pinned: computed(() => (pinnedId.value === null ? null : (products.value.get(pinnedId.value) ?? null))),
    lines: signal(/** @type {Line[]} */ ([])),
    name: signal(me.name),
    /** Why the last message was not taken; `again` tells two equal refusals apart. */
    refused: signal({ sentence: "", again: 0 }),
    /** What the server says while it lets nobody else in. */
    full: signal(""),
    /** Until when (performance.now) the next message has to wait. */
    waitUntil: signal(0),
    hearts: signal(0),
    take,
  };

  /** @param {any} message one message of livestream/PROTOCOL.md */
  function take(message) {
    switch (message.type) {
      case "hello":
        greet(message);
        break;
      case "chat-history":
        store.lines.value = message.messages.map(line);
        break;
      case "chat":
        store.lines.value = [...store.lines.value.slice(1 - MOST_LINES), line(message)];
        if (message.person.id === me.id) store.waitUntil.value = performance.now() + slow * 1000;
        break;
      case "pin":
        // The one we know is in the reader's language; a new one comes in the show's.
        if (message.product && !products.value.has(message.product_id)) put(message.product);
        pinnedId.value = message.product_id;
        break;
      case "unpin":
        if (pinnedId.value === message.product_id) pinnedId.value = null;
        break;
      case "stock":
        setStock(message);
        break;
      case "state":
        store.state.value = message.state;
        if (OVER.has(message.state)) pinnedId.value = null;
        count(store.viewers.value);
        break;
      case "presence":
        count(message.viewers);
        break;
      case "reaction":
        store.hearts.value += message.count ?? 1;
        break;
      case "error":
        refuse(message);
    }
  }

  /** @param {any} message @returns {Line} */
  function line(message) {
    return {
      id: message.id,
      name: message.person.name,
      text: message.text,
      host: message.person.role === "host",
      mine: message.person.id === me.id,
      at: message.at,
    };
  }

  /** @param {Product} product */
  function put(product) {
    products.value = new Map(products.value).set(product.id, product);
  }

  /** @param {{variant_id: string, product_id: string, stock: number}} fact */
  function setStock(fact) {
    const product = products.value.get(fact.product_id);
    if (!product) return;
    const variants = product.variants.map((each) => (each.id === fact.variant_id ? { ...each, stock: fact.stock } : each));
    put({ ...product, variants, stock: variants.reduce((sum, each) => sum + each.stock, 0) });
  }

  /** @param {any} message */
  function greet(message) {
    slow = message.slow_seconds;
    store.state.value = message.state;
    store.full.value = "";
    count(message.presence);
    products.value = new Map(message.products.map((/** @type {Product} */ product) => [product.id, product]));
    pinnedId.value = message.pins[0] ?? null;
    if (message.you.name) store.name.value = message.you.name;
  }

  /** People who watch, without the host; nobody watches what is over. @param {number} viewers */
  function count(viewers) {
    store.viewers.value = OVER.has(store.state.value) ? 0 : viewers;
  }

  /** @param {any} message */
  function refuse(message) {
    if (message.code === "room-full") {
      store.full.value = t(message.message);
      return;
    }
    const wait = message.code === "slow-mode" ? slow : message.code === "too-fast" ? TOO_FAST_SECONDS : 0;
    if (wait > 0) store.waitUntil.value = Math.max(store.waitUntil.value, performance.now() + wait * 1000);
    if (message.code.startsWith("name-")) store.name.value = "";
    store.refused.value = { sentence: t(message.message), again: store.refused.value.again + 1 };
  }

  return store;
}

/** @typedef {ReturnType<typeof roomStore>} Store */

/**
 * Round a number of viewers: nobody needs to know it exactly, and it should not flicker.
 * @param {number} viewers
 */
export function rounded(viewers) {
  if (viewers < 20) return viewers;
  const step = viewers < 100 ? 5 : 10 ** (Math.floor(Math.log10(viewers)) - 1);
  return Math.floor(viewers / step) * step;
}
