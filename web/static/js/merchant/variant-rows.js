const rows = /** @type {HTMLElement | null} */ (document.querySelector("[data-variants]"));
const blank = /** @type {HTMLTemplateElement | null} */ (document.querySelector("template[data-variant]"));
const add = /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-add-variant]"));

/** One variant always stays. */
function showDrops() {
  const buttons = rows?.querySelectorAll("[data-drop-variant]") ?? [];
  for (const button of buttons) /** @type {HTMLElement} */ (button).hidden = buttons.length < 2;
}

if (rows && blank && add) {
  add.hidden = false;
  showDrops();
  add.addEventListener("click", () => {
    rows.append(blank.content.cloneNode(true));
    showDrops();
    /** @type {HTMLElement | null | undefined} */ (rows.lastElementChild?.querySelector("input"))?.focus();
  });
  rows.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("[data-drop-variant]");
    if (!button) return;
    button.closest(".variant-row")?.remove();
    showDrops();
    add.focus();
  });
}
document.getElementById("form-error")?.focus();
