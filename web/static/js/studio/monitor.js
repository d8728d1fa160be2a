import { useEffect, useRef } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { OVER } from "vitrine/live/store.js";
import { Player } from "vitrine/live/whep.js";

/** What viewers see while an encoder or another browser streams; silent, so that nothing feeds back. @param {{store: import("vitrine/live/store.js").Store}} props */
export function Monitor({ store }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  useEffect(() => {
    const player = new Player(`${store.room.url}/whep`, {
      stream(stream) {
        if (video.current) video.current.srcObject = stream;
      },
      state: () => undefined,
    });
    player.start();
    return () => player.stop(OVER.has(store.state.peek()));
  }, []);
  return html`<video ref=${video} class="preview monitor" playsinline autoplay muted aria-label=${t("What viewers see")}></video>`;
}
