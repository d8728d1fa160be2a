import { useEffect, useState } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";

/** The recorder closes its files within seconds of the end; after this many looks there is no replay. */
const PAUSES_MILLISECONDS = [500, 2000, 5000, 15_000];

/** The way to the replay of a show that has just ended, as soon as there is one. @param {{room: import("vitrine/live/store.js").Room}} props */
export function After({ room }) {
  const [found, setFound] = useState(false);
  useEffect(() => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const look = async (/** @type {number} */ times) => {
      const response = await fetch(`${room.url}/replay.m3u8`, { method: "HEAD", cache: "no-store" }).catch(() => null);
      if (response?.ok) setFound(true);
      else if (times < PAUSES_MILLISECONDS.length) timer = setTimeout(look, PAUSES_MILLISECONDS[times], times + 1);
    };
    look(0);
    return () => clearTimeout(timer);
  }, [room.url]);
  return found && html`<a class="button" href=${room.url}>${t("Watch the replay")}</a>`;
}
