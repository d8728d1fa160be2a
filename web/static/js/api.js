import { t } from "vitrine/i18n.js";

/** What the service answered instead of what was asked for (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status @param {Record<string, any>} body */
  constructor(status, body) {
    super(body.detail ?? t("Something went wrong here. It has been noted; try again."));
    this.status = status;
    this.code = String(body.type ?? "").split("/").pop() ?? "";
    this.body = body;
  }
}

/**
 * Ask the service for JSON; a network that is gone and a problem document both end as a Problem with a sentence.
 * A Blob is sent as it is.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body, headers = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined || body instanceof Blob ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    throw new Problem(0, { type: "/problems/offline", detail: t("No connection. Check the network and try again.") });
  }
  const text = await response.text();
  /** @type {any} */
  let answer = {};
  try {
    answer = text ? JSON.parse(text) : {};
  } catch {
    if (response.ok) throw new Problem(response.status, {});
  }
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}
