const LIFE_MILLISECONDS = 5000;
// Who can still do something about it gets more time.
const LONG_LIFE_MILLISECONDS = 10_000;
// A live region that has just been moved is not heard by every screen reader at once.
const SETTLE_MILLISECONDS = 60;

/** @typedef {{href: string, text: string} | {press: () => void, text: string}} Way */

const place = document.getElementById("toasts");
// A dialog that opens or closes meanwhile takes the place along, because all outside of a modal one is out of reach.
const watcher = new MutationObserver(settle);

/** Bring the place into the topmost modal dialog, or back to the page, above everything there. */
function settle() {
  if (!place) return;
  const host = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;
  if (place.parentElement !== host) host.append(place);
  const empty = place.childElementCount === 0;
  if (typeof place.showPopover !== "function" || place.matches(":popover-open") !== empty) return;
  if (empty) place.hidePopover();
  else place.showPopover();
}

/**
 * Say something in passing; screen readers hear it too.
 * @param {string} text
 * @param {Way} [way] where to go on, or what to press
 */
export function toast(text, way) {
  if (!place) return;
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = text;
  const leave = () => {
    note.remove();
    settle();
    if (place.childElementCount === 0) watcher.disconnect();
  };
  if (way) note.append(" ", "href" in way ? link(way) : button(way, leave));
  settle();
  setTimeout(() => {
    for (const before of [...place.children]) if (!way && before.textContent === text) before.remove();
    watcher.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["open"] });
    place.append(note);
    settle();
    setTimeout(leave, way ? LONG_LIFE_MILLISECONDS : LIFE_MILLISECONDS);
  }, SETTLE_MILLISECONDS);
}

/** @param {{href: string, text: string}} way */
function link({ href, text }) {
  const made = document.createElement("a");
  made.href = href;
  made.textContent = text;
  return made;
}

/** @param {{press: () => void, text: string}} way @param {() => void} leave */
function button({ press, text }, leave) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", () => {
    leave();
    press();
  });
  return made;
}
