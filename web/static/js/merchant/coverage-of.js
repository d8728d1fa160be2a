import { NEEDED, ROLES, SHORTEST_VIDEO } from "vitrine/merchant/roles.js";

/** @typedef {{product_id: string | null, category: string | null, language: string | null, role: string, count: number, usable: number, uncaptioned: number, unheard: number, expiring: number, longest: number}} Cell */
/** @typedef {{id: string, title: string, image: string | null, published: boolean, stock: number}} Product */
/** @typedef {{product: Product, roles: Set<string>, missing: string[], seconds: number, ready: boolean, complete: boolean}} Covered */

/**
 * Which roles a product has segments for, and how long a video of one of each would be.
 * @param {Product} product
 * @param {Cell[]} cells
 * @returns {Covered}
 */
export function covered(product, cells) {
  /** @type {Map<string, number>} */
  const longest = new Map();
  for (const cell of cells) {
    if (cell.product_id !== product.id || !cell.usable) continue;
    longest.set(cell.role, Math.max(longest.get(cell.role) ?? 0, cell.longest));
  }
  const roles = new Set(longest.keys());
  const missing = ROLES.filter((role) => !roles.has(role));
  const seconds = [...longest.values()].reduce((sum, each) => sum + each, 0);
  const ready = NEEDED.every((role) => roles.has(role)) && seconds >= SHORTEST_VIDEO;
  return { product, roles, missing, seconds, ready, complete: ready && missing.length === 0 };
}

/** @param {Covered} one @param {Covered} two */
export function byNeed(one, two) {
  return Number(one.complete) - Number(two.complete) || Number(one.ready) - Number(two.ready);
}
