import { hear } from "vitrine/stream.js";

const WORTH_A_LOOK = new Set(["lobby", "live", "reconnecting", "ended", "cancelled"]);
const PAUSE_MILLISECONDS = 1000;
/** @type {number | undefined} */
let timer;

/** Draw the list anew from the page itself; a link that has the focus keeps it. */
async function refresh() {
  const response = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("main");
  const place = document.getElementById("main");
  if (!fresh || !place) return;
  const focused = document.activeElement?.getAttribute("href");
  place.replaceChildren(...fresh.childNodes);
  if (focused) /** @type {HTMLElement | null} */ (place.querySelector(`a[href="${CSS.escape(focused)}"]`))?.focus();
}

hear("room", (fact) => {
  if (fact.type !== "state" || !WORTH_A_LOOK.has(fact.state)) return;
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE_MILLISECONDS);
});
