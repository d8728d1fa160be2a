import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { moment, t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { seconds } from "vitrine/merchant/details.js";
import { toast } from "vitrine/toast.js";

const LENGTHS = [1.6, 3.2, 4.8, 6.4];

/**
 * Other edges of a segment: a worker cuts a new version from the original; videos made with the old one keep it.
 * @param {{segment: import("vitrine/merchant/store.js").Segment, store: import("vitrine/merchant/store.js").Store, video: {current: HTMLVideoElement | null}, versions: import("vitrine/merchant/details.js").Version[]}} props
 */
export function Cutter({ segment, store, video, versions }) {
  const start = useSignal(segment.start);
  const length = useSignal(nearest(segment.duration));
  useEffect(() => {
    start.value = segment.start;
    length.value = nearest(segment.duration);
  }, [segment.id]);
  const clip = store.clips.value.find((each) => each.id === segment.clip_id);
  const same = Math.abs(start.value - segment.start) < 0.05 && Math.abs(length.value - segment.duration) < 0.05;
  const waits = segment.recut?.state === "queued";
  const cut = async () => {
    const edges = { in: start.value, out: Math.round((start.value + length.value) * 1000) / 1000 };
    try {
      store.took(await ask("PATCH", `/v1/segments/${segment.id}`, edges));
      toast(t("The new version is being cut. You can go on meanwhile."));
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
  };
  return html`<section class="details-part" aria-labelledby="cut-title">
    <h3 id="cut-title">${t("Beginning and length")}</h3>
    <div class="cut-row">
      <div class="field"><label for="d-start">${t("Begins in the clip at (s)")}</label>
        <input class="input" type="number" id="d-start" min="0" max=${clip?.duration ?? 3600} step="0.1" value=${start.value} onInput=${(/** @type {any} */ event) => (start.value = Math.max(0, Number(event.currentTarget.value)))} /></div>
      <div class="field"><label for="d-length">${t("Length")}</label>
        <select class="input" id="d-length" value=${String(length.value)} onChange=${(/** @type {any} */ event) => (length.value = Number(event.currentTarget.value))}>
          ${LENGTHS.map((each) => html`<option value=${String(each)} selected=${each === length.value}>${seconds(each)} s</option>`)}
        </select></div>
      <div class="button-row"><button type="button" class="button button-plain" onClick=${() => {
        start.value = Math.round((segment.start + (video.current?.currentTime ?? 0)) * 10) / 10;
      }}>${icon("clock")}${t("Begin where the player is")}</button>
      <button type="button" class="button" disabled=${same || waits} onClick=${cut}>${t("Cut a new version")}</button></div>
    </div>
    ${clip?.duration && html`<p class="soft small">${t("The clip lasts {seconds} s.", { seconds: seconds(clip.duration) })}</p>`}
    ${waits && html`<p class="notice" role="status">${icon("loader-circle")}<span>${t("The new version is being cut. You can go on meanwhile.")}</span></p>`}
    ${segment.recut?.state === "failed" && html`<p class="notice notice-bad">${icon("circle-x")}<span>${t("The last cut did not work. Try other edges, or upload the clip again.")}</span></p>`}
    ${versions.length > 1 && html`<ol class="versions" reversed>
      ${versions.map((each) => html`<li><strong>${t("Version {version}", { version: each.version })}</strong>${each.current && html` <span class="chip chip-good">${t("In use")}</span>`}
        <span class="soft small">${t("{from} to {to} s of the clip, in {count} videos", { from: seconds(each.start), to: seconds(each.start + each.duration), count: each.used_in })}, ${moment(each.created_at)}</span></li>`)}
    </ol>`}
  </section>`;
}

/** @param {number} duration */
function nearest(duration) {
  return LENGTHS.reduce((best, each) => (Math.abs(each - duration) < Math.abs(best - duration) ? each : best));
}
