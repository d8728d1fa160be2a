const LIFE_MILLISECONDS = 5000;

/**
 * Say something in passing; screen readers hear it too.
 * @param {string} text
 */
export function toast(text) {
  const place = document.getElementById("toasts");
  if (!place) return;
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = text;
  place.append(note);
  setTimeout(() => note.remove(), LIFE_MILLISECONDS);
}
