import { tell } from "vitrine/tell.js";

const query = document.querySelector("[data-searched]")?.getAttribute("data-searched");
if (query) tell("Products Searched", { query: query.slice(0, 100) });
