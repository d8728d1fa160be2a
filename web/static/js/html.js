import htm from "htm";
import { h } from "preact";

/** Tagged template that builds Preact elements. */
export const html = htm.bind(h);
