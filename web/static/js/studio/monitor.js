import { useEffect, useRef } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { OVER } from "vitrine/live/store.js";
import { Player } from "vitrine/live/player.js";
import { blank } from "vitrine/live/screen.js";

/** What viewers see while an encoder or another browser streams; silent, so that nothing feeds back. @param {{store: import("vitrine/live/store.js").Store}} props */
export function Monitor({ store }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const pictures = /** @type {[HTMLVideoElement, HTMLVideoElement]} */ ([blank(), blank()]);
    for (const picture of pictures) {
      picture.className = "preview monitor-picture";
      picture.addEventListener("resize", () => picture.classList.toggle("preview-wide", picture.videoWidth > picture.videoHeight));
    }
    place.current?.replaceChildren(...pictures);
    const player = new Player({ whep: `${store.room.url}/whep`, hls: "" }, pictures, {
      show(shown) {
        for (const picture of pictures) picture.classList.toggle("monitor", picture === shown);
      },
      state: () => undefined,
    });
    player.start();
    const unsubscribe = store.state.subscribe((state) => {
      player.expected = state === "live";
      if (state === "live") player.nudge();
    });
    return () => {
      unsubscribe();
      player.stop(OVER.has(store.state.peek()));
    };
  }, []);
  return html`<div ref=${place} class="monitor-place" role="group" aria-label=${t("What viewers see")}></div>`;
}
