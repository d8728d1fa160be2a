import { signal } from "@preact/signals";
import { Upload as Tus } from "tus-js-client";
import { ask, Problem } from "vitrine/api.js";
import { t } from "vitrine/i18n.js";
import { folderTags, isVideo } from "vitrine/merchant/folders.js";

/** @typedef {"waiting" | "sending" | "paused" | "lost" | "failed"} UploadState `lost`: the page forgot the file, the service has a part of it */
/** @typedef {{key: number, name: string, size: number, state: UploadState, sent: number, speed: number, error: string, again: boolean}} Upload */
/** @typedef {{product_ids: string, role: string, language: string, tags?: string}} About */
/** @typedef {{row: import("@preact/signals").Signal<Upload>, file: File | null, about: About, tus: Tus | null, url: string, place: string}} Job */

const ENDPOINT = "/v1/uploads";
const AT_ONCE = 2;
/** Over how long the speed is measured. */
const WINDOW_MILLISECONDS = 3000;
/** Pauses before the same piece is sent again, when a connection broke. */
const PAUSES_MILLISECONDS = [0, 1000, 3000, 5000, 10_000];
/** Answers after which the same file may be taken: stopped on its way, too many at once, no room or no service now. */
const PASSING = new Set([0, 404, 408, 423, 429, 500, 502, 503, 504, 507]);
/** Where tus-js-client notes an upload's address. */
const NOTES = "tus::";

/**
 * A queue of files on their way to the service, each going on where it broke; `done` hears of each clip. Knows no DOM.
 * @param {number} limit bytes of one file
 * @param {(clip: any) => void} done
 */
export function uploadQueue(limit, done) {
  /** @type {import("@preact/signals").Signal<Job[]>} */
  const jobs = signal([]);
  let lastKey = 0;

  /** @param {string} name @param {number} size @param {Partial<Upload>} more */
  const row = (name, size, more) => signal(/** @type {Upload} */ ({
    key: (lastKey += 1), name, size, state: "waiting", sent: 0, speed: 0, error: "", again: false, ...more,
  }));

  /** @param {Iterable<File>} files @param {About} about */
  function add(files, about) {
    const added = [...files].map((file) => {
      const error = objection(file, limit);
      const lost = jobs.value.find((job) => job.row.value.state === "lost" && same(job, file));
      if (lost) drop(lost.row.value.key);
      return { row: row(file.name, file.size, error ? { state: "failed", error } : {}), file, about, tus: null, url: "", place: "" };
    });
    jobs.value = [...added, ...jobs.value];
    next();
  }

  /** Show what an earlier visit began and the service still has. */
  async function recall() {
    for (const place of Object.keys(localStorage).filter((key) => key.startsWith(NOTES))) {
      const note = JSON.parse(localStorage.getItem(place) ?? "{}");
      const answer = note.uploadUrl && await fetch(note.uploadUrl, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } }).catch(() => null);
      const sent = Number(answer?.headers.get("Upload-Offset") ?? 0);
      if (answer?.ok && sent < note.size) {
        if (jobs.value.some((job) => job.tus?.url === note.uploadUrl)) continue;
        const job = { row: row(note.metadata.filename, note.size, { state: "lost", sent }), file: null, about: note.metadata, tus: null, url: note.uploadUrl, place };
        jobs.value = [...jobs.value, job];
      } else if (answer && (answer.ok || answer.status === 404)) {
        localStorage.removeItem(place);
      }
    }
  }

  function next() {
    const sending = jobs.value.filter((job) => job.row.value.state === "sending").length;
    const waiting = jobs.value.filter((job) => job.row.value.state === "waiting").reverse();
    for (const job of waiting.slice(0, Math.max(0, AT_ONCE - sending))) send(job);
  }

  /** @param {Job} job */
  async function send(job) {
    set(job, { state: "sending", speed: 0, error: "" });
    if (!job.tus) {
      const file = /** @type {File} */ (job.file);
      const tus = (job.tus = new Tus(file, {
        endpoint: ENDPOINT,
        retryDelays: PAUSES_MILLISECONDS,
        removeFingerprintOnSuccess: true,
        metadata: Object.fromEntries(Object.entries({ filename: file.name, ...job.about, tags: folderTags(file).join(",") }).filter(([, value]) => value)),
        onProgress: measured(job),
        onSuccess: () => finish(job),
        onError: (error) => {
          set(job, { state: "failed", ...reason(error) });
          next();
        },
      }));
      const begun = await tus.findPreviousUploads().catch(() => []);
      if (begun.length) tus.resumeFromPreviousUpload(begun[0]);
    }
    if (job.row.value.state === "sending") job.tus.start();
  }

  /** @param {Job} job */
  async function finish(job) {
    const id = job.tus?.url?.split("/").pop();
    drop(job.row.value.key);
    next();
    done(await ask("GET", `/v1/clips/${id}`));
  }

  /** @param {number} key */
  function pause(key) {
    const job = find(key);
    if (!job) return;
    set(job, { state: "paused", speed: 0 });
    job.tus?.abort();
    next();
  }

  /** Give an upload up; what has arrived of it is deleted. @param {number} key */
  function cancel(key) {
    const job = find(key);
    if (!job) return;
    drop(key);
    if (job.place) localStorage.removeItem(job.place);
    const gone = job.tus ? job.tus.abort(true) : job.url && Tus.terminate(job.url);
    Promise.resolve(gone).catch(() => {}); // it ends by itself after a day
    next();
  }

  /** @param {number} key */
  function again(key) {
    const job = find(key);
    if (!job) return;
    set(job, { state: "waiting", error: "" });
    next();
  }

  /** @param {number} key */
  function drop(key) {
    jobs.value = jobs.value.filter((job) => job.row.value.key !== key);
  }

  /** @param {number} key */
  function find(key) {
    return jobs.value.find((job) => job.row.value.key === key);
  }

  return { jobs, add, recall, pause, cancel, again, busy: () => jobs.value.some((job) => job.row.value.state === "sending") };
}

/** @typedef {ReturnType<typeof uploadQueue>} Queue */

/** @param {Job} job @param {Partial<Upload>} change */
function set(job, change) {
  job.row.value = { ...job.row.value, ...change };
}

/** @param {Job} job @param {File} file */
function same(job, file) {
  return job.row.value.name === file.name && job.row.value.size === file.size;
}

/** What hears how far an upload is, and says how fast. @param {Job} job */
function measured(job) {
  /** @type {[number, number][]} */
  const marks = [];
  return (/** @type {number} */ sent) => {
    const at = performance.now();
    marks.push([at, sent]);
    while (marks.length > 2 && at - marks[0][0] > WINDOW_MILLISECONDS) marks.shift();
    const seconds = (at - marks[0][0]) / 1000;
    set(job, { sent, speed: seconds > 0.2 ? Math.max(0, sent - marks[0][1]) / seconds : 0 });
  };
}

/** @param {any} error @returns {{error: string, again: boolean}} */
function reason(error) {
  const status = error.originalResponse?.getStatus() ?? 0;
  if (!status) return { error: t("The connection was lost during the upload."), again: true };
  let said = {};
  try {
    said = JSON.parse(error.originalResponse.getBody());
  } catch {
    // a proxy's page: the number has to do
  }
  return { error: new Problem(status, said).message, again: PASSING.has(status) };
}

/**
 * Why a file need not be sent at all, or an empty sentence.
 * @param {File} file
 * @param {number} limit
 */
export function objection(file, limit) {
  if (file.size === 0) return t("This file is empty.");
  if (file.size > limit) {
    return t("This file is too large. At most {most} MB can be uploaded.", { most: Math.floor(limit / 1048576) });
  }
  return isVideo(file) ? "" : t("This is not a video file that can be read here. Please upload MP4, MOV or WebM.");
}

/**
 * Write an amount of data as people read it.
 * @param {number} bytes
 */
export function megabytes(bytes) {
  const amount = bytes / 1048576;
  return `${amount.toLocaleString(document.documentElement.lang, { maximumFractionDigits: amount < 10 ? 1 : 0 })} MB`;
}
