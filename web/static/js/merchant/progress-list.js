import { html } from "vitrine/html.js";
import { locale, t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { megabytes } from "vitrine/merchant/uploads.js";
import { toast } from "vitrine/toast.js";

/** @typedef {import("vitrine/merchant/store.js").Clip} Clip */
/** @typedef {import("vitrine/merchant/uploads.js").Job} Job */

/** How much of the whole way each step is; normalising is nearly all of it. @type {Record<string, [number, number]>} */
const STEPS = { queued: [0, 0], probing: [0, 0.05], normalising: [0.05, 0.9], analysing: [0.9, 1] };
const percent = new Intl.NumberFormat(locale, { style: "percent" });
/** A worker takes a clip up at once unless it is busy or off. */
const LONG_WAIT_MILLISECONDS = 30_000;

/**
 * Files on their way and clips in the making, with what went wrong.
 * @param {{store: import("vitrine/merchant/store.js").Store, queue: import("vitrine/merchant/uploads.js").Queue, fresh: import("@preact/signals").Signal<Set<string>>}} props
 */
export function ProgressList({ store, queue, fresh }) {
  const clips = store.clips.value.filter((clip) => clip.state !== "ready" || fresh.value.has(clip.id));
  if (!clips.length && !queue.jobs.value.length) return null;
  return html`<section aria-labelledby="progress-title" class="stack">
    <h2 id="progress-title">${t("On their way")}</h2>
    <ul class="progress-list">
      ${queue.jobs.value.map((job) => html`<${UploadRow} key=${`u${job.row.value.key}`} job=${job} queue=${queue} />`)}
      ${clips.map((clip) => html`<${ClipRow} key=${clip.id} clip=${clip} store=${store} fresh=${fresh} />`)}
    </ul>
  </section>`;
}

/** @param {{job: Job, queue: import("vitrine/merchant/uploads.js").Queue}} props */
function UploadRow({ job, queue }) {
  const row = job.row.value;
  const failed = row.state === "failed";
  return html`<li class="progress-row" data-state=${row.state}>
    <span class="progress-mark">${icon(failed ? "circle-x" : "upload")}</span>
    <div class="progress-words">
      <p class="progress-name">${row.name}</p>
      ${failed
        ? html`<p class="progress-why" role="alert">${row.error}</p>`
        : html`<progress max="1" value=${row.size ? row.sent / row.size : 0} aria-label=${t("Upload of {name}", { name: row.name })}></progress>
          <p class="soft small">${words(row)}</p>`}
    </div>
    <div class="progress-tools">
      ${row.state === "sending" && html`<button type="button" class="icon-button" aria-label=${t("Pause the upload of {name}", { name: row.name })} onClick=${() => queue.pause(row.key)}>${icon("pause")}</button>`}
      ${row.state === "paused" && html`<button type="button" class="icon-button" aria-label=${t("Go on with the upload of {name}", { name: row.name })} onClick=${() => queue.again(row.key)}>${icon("play")}</button>`}
      ${row.state === "lost" && html`<button type="button" class="button button-plain" onClick=${() => /** @type {HTMLElement | null} */ (document.querySelector("[data-chooser]"))?.click()}>${icon("play")}${t("Choose it again")}</button>`}
      ${row.again && failed && html`<button type="button" class="button button-plain" onClick=${() => queue.again(row.key)}>${icon("rotate-ccw")}${t("Try again")}</button>`}
      <button type="button" class="icon-button" aria-label=${failed ? t("Hide {name}", { name: row.name }) : t("Cancel the upload of {name}", { name: row.name })}
        onClick=${() => queue.cancel(row.key)}>${icon("x")}</button>
    </div>
  </li>`;
}

/** @param {import("vitrine/merchant/uploads.js").Upload} row */
function words(row) {
  const values = { sent: megabytes(row.sent), size: megabytes(row.size) };
  switch (row.state) {
    case "waiting": return t("Waiting for its turn");
    case "paused": return t("Paused at {sent} of {size}", values);
    case "lost": return t("Stopped at {sent} of {size}. Choose the same file again, and it goes on from there.", values);
    default: return sending(row);
  }
}

/** @param {import("vitrine/merchant/uploads.js").Upload} row */
function sending(row) {
  const values = { sent: megabytes(row.sent), size: megabytes(row.size), speed: megabytes(row.speed) };
  if (row.speed <= 0) return t("{sent} of {size}", values);
  const seconds = Math.ceil((row.size - row.sent) / row.speed);
  if (seconds < 60) return t("{sent} of {size}, {speed} a second, {seconds} s left", { ...values, seconds });
  return t("{sent} of {size}, {speed} a second, {minutes} min left", { ...values, minutes: Math.ceil(seconds / 60) });
}

/** @param {{clip: Clip, store: import("vitrine/merchant/store.js").Store, fresh: import("@preact/signals").Signal<Set<string>>}} props */
function ClipRow({ clip, store, fresh }) {
  const count = store.counts.value.get(clip.id) ?? 0;
  const ready = clip.state === "ready";
  const refused = clip.state === "refused";
  const [from, to] = STEPS[clip.state] ?? [0, 0];
  const done = from + (to - from) * clip.progress;
  const before = clip.state === "queued" ? aheadOf(clip, store.clips.value) : 0;
  const hide = () => {
    fresh.value = new Set([...fresh.value].filter((id) => id !== clip.id));
  };
  return html`<li class="progress-row" data-state=${clip.state} data-clip=${clip.id}>
    <span class="progress-mark">${icon(ready ? "circle-check" : refused ? "circle-x" : "loader-circle")}</span>
    <div class="progress-words">
      <p class="progress-name">${clip.filename}</p>
      ${!ready && !refused && html`<progress max="1" value=${done} aria-label=${t("Processing of {name}", { name: clip.filename })}></progress>`}
      <p class=${refused ? "progress-why" : "soft small"}><span role="status">${step(clip, count, before)}</span>${done > 0 && html`<span aria-hidden="true"> · ${percent.format(done)}</span>`}</p>
      ${refused && html`<p class="soft small">${advice(clip)}</p>`}
      ${ready && clip.warnings.filter((each) => each.code !== "cv2-missing").map((each) => html`<p class="small progress-warning">${icon("triangle-alert")}${each.detail}</p>`)}
    </div>
    <div class="progress-tools">
      ${ready && html`<button type="button" class="button button-plain" onClick=${() => {
        store.filter({ clip: clip.id, product: "", role: "", tag: "", q: "", language: "", season: "", state: "" });
        document.getElementById("segments-title")?.scrollIntoView({ behavior: "smooth" });
      }}>${t("Show segments")}</button>
      <button type="button" class="icon-button" aria-label=${t("Hide {name}", { name: clip.filename })} onClick=${hide}>${icon("x")}</button>`}
      ${clip.retryable && html`<button type="button" class="button button-plain" onClick=${() => tell(store.retry(clip.id))}>${icon("rotate-ccw")}${t("Try again")}</button>`}
      ${!ready && html`<button type="button" class="icon-button" aria-label=${t("Remove {name}", { name: clip.filename })} onClick=${() => tell(store.remove(clip.id))}>${icon("trash-2")}</button>`}
    </div>
  </li>`;
}

/** How many of the merchant's own files come first. @param {Clip} clip @param {Clip[]} all */
function aheadOf(clip, all) {
  return all.filter((each) => each.state in STEPS && each.id !== clip.id && Date.parse(each.created_at) < Date.parse(clip.created_at)).length;
}

/** @param {Clip} clip @param {number} count @param {number} before */
function step(clip, count, before) {
  switch (clip.state) {
    case "queued":
      if (before === 1) return t("Uploaded. One of your files comes first.");
      if (before > 1) return t("Uploaded. {count} of your files come first.", { count: before });
      return Date.now() - Date.parse(clip.created_at) > LONG_WAIT_MILLISECONDS
        ? t("Still waiting: the servers are busy. It goes on by itself, you can leave this page.")
        : t("Uploaded. Waiting for its turn.");
    case "probing": return t("Checking the file");
    case "normalising": return t("Converting it for every phone and browser");
    case "analysing": return t("Drawing previews");
    case "ready": return count === 1 ? t("Ready: one segment") : t("Ready: {count} segments", { count });
    default: return clip.detail ?? t("This clip was not accepted.");
  }
}

/** What to do about a refusal. @param {Clip} clip */
function advice(clip) {
  if (clip.retryable) return t("The file itself may be fine. Try again; if it fails once more, tell the operator.");
  switch (clip.reason) {
    case "media-too-long": return t("Cut it into shorter clips: one thought a clip works best.");
    case "media-too-short": return t("Upload a longer take.");
    default: return t("Export it once more as MP4 (H.264) with the program you edit with, and upload that file.");
  }
}

/** @param {Promise<unknown>} work */
function tell(work) {
  work.catch((error) => toast(error.message));
}
