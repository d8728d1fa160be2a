import { signal } from "@preact/signals";
import { Problem } from "vitrine/api.js";
import { t } from "vitrine/i18n.js";

/** @typedef {"waiting" | "sending" | "failed" | "cancelled"} UploadState */
/** @typedef {{key: number, name: string, size: number, state: UploadState, sent: number, speed: number, error: string, again: boolean}} Upload */
/** @typedef {{product_ids: string, role: string}} About */
/** @typedef {{row: import("@preact/signals").Signal<Upload>, file: File, about: About, request: XMLHttpRequest | null}} Job */

const AT_ONCE = 2;
/** Over how long the speed is measured. */
const WINDOW_MILLISECONDS = 3000;
/** Answers after which the same file may be taken: stopped on its way, too many at once, no room or no service now. */
const PASSING = new Set([0, 408, 429, 500, 502, 503, 504, 507]);
const ENDINGS = /\.(mp4|m4v|mov|webm|mkv|3gp|qt)$/i;

/**
 * A queue of files on their way to the service; `done` hears of each clip. Knows no DOM.
 * @param {number} limit bytes of one file
 * @param {(clip: any) => void} done
 */
export function uploadQueue(limit, done) {
  /** @type {import("@preact/signals").Signal<Job[]>} */
  const jobs = signal([]);
  let lastKey = 0;

  /** @param {Iterable<File>} files @param {About} about */
  function add(files, about) {
    const added = [...files].map((file) => {
      const error = objection(file, limit);
      /** @type {Upload} */
      const row = {
        key: (lastKey += 1), name: file.name, size: file.size, state: error ? "failed" : "waiting", sent: 0, speed: 0, error, again: false,
      };
      return { row: signal(row), file, about, request: null };
    });
    jobs.value = [...added, ...jobs.value];
    next();
  }

  function next() {
    const sending = jobs.value.filter((job) => job.row.value.state === "sending").length;
    const waiting = jobs.value.filter((job) => job.row.value.state === "waiting").reverse();
    for (const job of waiting.slice(0, Math.max(0, AT_ONCE - sending))) send(job);
  }

  /** @param {Job} job */
  function send(job) {
    const request = new XMLHttpRequest();
    job.request = request;
    set(job, { state: "sending", sent: 0, speed: 0, error: "" });
    /** @type {[number, number][]} */
    const marks = [[performance.now(), 0]];
    request.upload.addEventListener("progress", (event) => {
      const at = performance.now();
      marks.push([at, event.loaded]);
      while (marks.length > 2 && at - marks[0][0] > WINDOW_MILLISECONDS) marks.shift();
      const seconds = (at - marks[0][0]) / 1000;
      set(job, { sent: event.loaded, speed: seconds > 0.2 ? (event.loaded - marks[0][1]) / seconds : 0 });
    });
    request.addEventListener("load", () => {
      if (request.status === 201) {
        drop(job.row.value.key);
        done(request.response);
      } else {
        const error = new Problem(request.status, request.response ?? {}).message;
        set(job, { state: "failed", error, again: PASSING.has(request.status) });
      }
      next();
    });
    request.addEventListener("error", () => {
      set(job, { state: "failed", error: t("The connection was lost during the upload."), again: true });
      next();
    });
    request.addEventListener("abort", next);
    const about = Object.entries({ filename: job.file.name, ...job.about }).filter(([, value]) => value);
    request.open("POST", `/v1/clips?${new URLSearchParams(about)}`);
    request.responseType = "json";
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(job.file);
  }

  /** @param {number} key */
  function cancel(key) {
    const job = find(key);
    if (!job) return;
    const { request } = job;
    drop(key);
    request?.abort();
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

  return { jobs, add, cancel, again, drop, busy: () => jobs.value.some((job) => job.row.value.state === "sending") };
}

/** @typedef {ReturnType<typeof uploadQueue>} Queue */

/** @param {Job} job @param {Partial<Upload>} change */
function set(job, change) {
  job.row.value = { ...job.row.value, ...change };
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
  if (!file.type.startsWith("video/") && !ENDINGS.test(file.name)) {
    return t("This is not a video file that can be read here. Please upload MP4, MOV or WebM.");
  }
  return "";
}

/**
 * Write an amount of data as people read it.
 * @param {number} bytes
 */
export function megabytes(bytes) {
  const amount = bytes / 1048576;
  return `${amount.toLocaleString(document.documentElement.lang, { maximumFractionDigits: amount < 10 ? 1 : 0 })} MB`;
}
