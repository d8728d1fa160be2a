const SETTING = "keys";
const SEEK_SECONDS = 5;

/** Keys and what they do; the help sheet shows this list. The sentences are translated there. */
export const KEYS = /** @type {const} */ ([
  ["↑ ↓", "previous or next video"],
  ["Space K", "pause or play"],
  ["M", "sound on or off"],
  ["C", "captions on or off"],
  ["L", "like"],
  ["P", "product"],
  ["← →", "5 seconds back or on"],
  ["?", "this list"],
]);

/** Single keys can be turned off, because speech input may press them by accident (WCAG 2.1.4). */
export function keysOn() {
  return localStorage.getItem(SETTING) !== "off";
}

/** @param {boolean} on */
export function setKeys(on) {
  localStorage.setItem(SETTING, on ? "on" : "off");
}

/**
 * Drive the feed by keyboard, as the APG feed pattern and video players have it.
 * @param {import("vitrine/feed/control.js").Control} at
 * @returns {() => void} stop
 */
export function onKeys(at) {
  /** @type {Record<string, () => void>} */
  const commands = {
    ArrowDown: () => at.go(1),
    ArrowUp: () => at.go(-1),
    PageDown: () => at.go(1),
    PageUp: () => at.go(-1),
    ArrowLeft: () => at.players.seek(at.position.peek() - SEEK_SECONDS),
    ArrowRight: () => at.players.seek(at.position.peek() + SEEK_SECONDS),
    " ": () => at.players.toggle(),
    k: () => at.players.toggle(),
    m: () => at.players.setSound(!at.players.sound.value),
    c: () => at.players.setCaptions(!at.players.captions.value),
    l: () => at.like(),
    p: () => at.open("product"),
    "?": () => at.open("help"),
  };

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const target = event.target instanceof Element ? event.target : null;
    if (event.ctrlKey && (event.key === "Home" || event.key === "End") && at.place.contains(target)) {
      // Out of the feed: what stands before or after it (APG)
      const places = [...document.querySelectorAll("a[href], button")].filter((each) => !at.place.contains(each));
      const before = places.filter((each) => each.compareDocumentPosition(at.place) & Node.DOCUMENT_POSITION_FOLLOWING);
      const place = event.key === "Home" ? before[0] : places[before.length];
      if (place instanceof HTMLElement) place.focus();
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || target?.closest("input, select, textarea")) return;
    // Elsewhere on the page the keys are the page's
    if (target !== document.body && !at.place.contains(target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = commands[key];
    if (!command || (event.key.length === 1 && event.key !== " " && !keysOn())) return;
    if (event.key === " " && target?.closest("button, a")) return;
    event.preventDefault();
    if (!event.repeat || key.startsWith("Arrow")) command();
  }

  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
