/** What the service answered instead of an SDP answer. */
export class Refused extends Error {
  /** @param {number} status @param {string} code @param {string} sentence @param {number} retryAfter seconds, 0: none */
  constructor(status, code, sentence, retryAfter) {
    super(sentence);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** The server answers from its one address to whoever proves to know the session: no servers, no candidates to wait for. */
export const CONFIGURATION = /** @type {RTCConfiguration} */ ({ iceServers: [], bundlePolicy: "max-bundle" });

/** Carries what lets a viewer take the place of their own session before: from the server, then back to it. */
const RESUME = "Vitrine-Resume";

/**
 * Let a connection use the relays that the service names, for networks that carry no UDP. Pages say whether there are any.
 * @param {RTCPeerConnection} connection
 * @param {string} url
 */
async function useRelays(connection, url) {
  if (!document.querySelector("meta[name=vitrine-ice]")) return;
  const response = await fetch(url, { method: "OPTIONS", credentials: "same-origin" }).catch(() => null);
  const iceServers = iceServersOf(response?.headers.get("Link") ?? "");
  if (connection.signalingState !== "closed") connection.setConfiguration({ ...connection.getConfiguration(), iceServers });
}

/**
 * Read `Link: <turn:...>; rel="ice-server"; username="..."; credential="..."` (RFC 9725 section 4.6).
 * @param {string} header several values with commas between them
 * @returns {RTCIceServer[]}
 */
export function iceServersOf(header) {
  return [...header.matchAll(/<((?:stun|turn)s?:[^>]*)>((?:\s*;\s*[\w-]+="[^"]*")*)/g)].flatMap(([, urls, rest]) => {
    const said = Object.fromEntries([...rest.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    if (said.rel !== "ice-server") return [];
    return said.username ? [{ urls, username: said.username, credential: said.credential }] : [{ urls }];
  });
}

/**
 * Offer, take the answer and return the address of the session (RFC 9725 section 4.2).
 * @param {RTCPeerConnection} connection
 * @param {string} url
 * @param {string} [resume] what came with the session that this one replaces
 * @returns {Promise<{location: string, resume: string}>}
 */
export async function exchange(connection, url, resume = "") {
  await useRelays(connection, url);
  await describe(connection);
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", ...(resume && { [RESUME]: resume }) },
      body: connection.localDescription?.sdp,
      credentials: "same-origin",
    });
  } catch {
    throw new Refused(0, "offline", "", 0);
  }
  const text = await response.text();
  if (response.status !== 201) throw refusal(response, text);
  const location = new URL(response.headers.get("Location") ?? "", response.url).href;
  if (connection.signalingState === "closed") {
    hangUp(location);
    throw new Refused(0, "closed", "", 0);
  }
  await connection.setRemoteDescription({ type: "answer", sdp: text });
  return { location, resume: response.headers.get(RESUME) ?? "" };
}

/** Gather with an offer of ours; viewers tell their clock. @param {RTCPeerConnection} connection */
async function describe(connection) {
  if (connection.getTransceivers().every((each) => each.direction === "recvonly")) {
    const { sdp } = await connection.createOffer();
    // A browser that takes no changed offer gets its own.
    const taken = connection.setLocalDescription({ type: "offer", sdp: tellClock(sdp ?? "") });
    if (await taken.then(() => true, () => connection.signalingState === "closed")) return;
  }
  await connection.setLocalDescription();
}

/**
 * Add to a viewer's offer that it tells its clock (RFC 3611) and so learns its round trip: without it Chromium waits
 * 100 ms before it asks for a lost packet again.
 * @param {string} sdp
 */
export function tellClock(sdp) {
  return sdp.replace(/^a=rtcp-fb:(\d+) nack pli(\r?\n)/gm, "$&a=rtcp-fb:$1 rrtr$2");
}

/**
 * End a session; works while the page goes away, too.
 * @param {string} location
 * @returns {Promise<unknown>}
 */
export function hangUp(location) {
  return fetch(location, { method: "DELETE", keepalive: true, credentials: "same-origin" })
    .then((response) => response.text())
    .catch(() => undefined);
}

/** @param {Response} response @param {string} text */
function refusal(response, text) {
  /** @type {any} */
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy in between answers in its own words.
  }
  const code = String(problem.type ?? "").split("/").pop() ?? "";
  const retryAfter = Number(response.headers.get("Retry-After") ?? 0) || 0;
  return new Refused(response.status, code, String(problem.detail ?? ""), retryAfter);
}
