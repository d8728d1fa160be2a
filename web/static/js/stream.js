/** @typedef {(fact: any) => void} Hearer */

/** @type {Map<string, Set<Hearer>>} */
const hearers = new Map();
/** @type {EventSource | null} */
let source = null;

/**
 * Hear facts of one kind ("stock", "room", "viewer", "clip") over the page's one server-sent event stream.
 * Only a visible tab holds the connection: a browser allows few of them to one host.
 * @param {string} kind
 * @param {Hearer} hearer
 * @returns {() => void} stop hearing
 */
export function hear(kind, hearer) {
  if (!hearers.has(kind)) {
    hearers.set(kind, new Set());
    source?.addEventListener(kind, dispatch);
  }
  hearers.get(kind)?.add(hearer);
  connect();
  return () => hearers.get(kind)?.delete(hearer);
}

/** @param {Event} event */
function dispatch(event) {
  const { type, data } = /** @type {MessageEvent<string>} */ (event);
  for (const hearer of hearers.get(type) ?? []) hearer(JSON.parse(data));
}

function connect() {
  if (source || hearers.size === 0 || document.visibilityState !== "visible") return;
  source = new EventSource("/v1/stream");
  for (const kind of hearers.keys()) source.addEventListener(kind, dispatch);
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    connect();
    for (const hearer of hearers.get("back") ?? []) hearer({});
  } else {
    source?.close();
    source = null;
  }
});
