const LIFE_MILLISECONDS = 5000;

/**
 * Say something in passing; screen readers hear it too.
 * @param {string} text
 * @param {{href: string, text: string}} [link] where to go on
 */
export function toast(text, link) {
  const place = document.getElementById("toasts");
  if (!place) return;
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = text;
  if (link) {
    const way = document.createElement("a");
    way.href = link.href;
    way.textContent = link.text;
    note.append(" ", way);
  }
  place.append(note);
  setTimeout(() => note.remove(), LIFE_MILLISECONDS);
}
