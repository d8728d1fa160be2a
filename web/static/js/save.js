import { useEffect, useState } from "preact/hooks";
import { ask } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { icon } from "vitrine/icon.js";
import { locale, moment, t } from "vitrine/i18n.js";
import { hear } from "vitrine/stream.js";
import { toast } from "vitrine/toast.js";

/**
 * @typedef {import("vitrine/feed/shapes.d.ts").Export} Export
 */

const OPEN = new Set(["queued", "rendering"]);
// Only for the case that no fact comes: the broker was away, or the browser's connection.
const ASK_AGAIN_MILLISECONDS = 4000;
const MEGABYTE = 1_000_000;

/**
 * A video as a file to keep: its shape, what is drawn in, and the files that are there.
 * @param {{video: {id: string, captions: string | null}}} props
 */
export function Save({ video }) {
  const [form, setForm] = useState("9:16");
  const [crossfades, setCrossfades] = useState(true);
  const [captions, setCaptions] = useState(Boolean(video.captions));
  const [cards, setCards] = useState(false);
  const [files, setFiles] = useState(/** @type {Export[]} */ ([]));
  const [asking, setAsking] = useState(false);
  const { id } = video;
  const waiting = files.some((file) => OPEN.has(file.state));

  const load = () => ask("GET", `/v1/exports?video=${id}`).then(({ items }) => setFiles(items)).catch(() => {});
  useEffect(() => {
    load();
    return hear("export", (fact) => {
      if (OPEN.has(fact.state)) setFiles((all) => all.map((file) => (file.id === fact.id ? { ...file, ...fact } : file)));
      else load();
    });
  }, [id]);
  useEffect(() => {
    if (!waiting) return undefined;
    const timer = setInterval(load, ASK_AGAIN_MILLISECONDS);
    return () => clearInterval(timer);
  }, [waiting, id]);

  const shapes = [
    ["9:16", t("Upright"), t("as you see it here")],
    ["1:1", t("Square"), t("for posts")],
    ["16:9", t("Wide"), t("for screens")],
  ];

  /** @param {Event} event */
  async function make(event) {
    event.preventDefault();
    setAsking(true);
    try {
      await ask("POST", `/v1/videos/${id}/export`, { form, crossfades, captions, cards });
      await load();
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
    setAsking(false);
  }

  /** @param {Export} file */
  async function drop(file) {
    await ask("DELETE", `/v1/exports/${file.id}`).catch((error) => toast(error.message));
    await load();
  }

  /** @param {string} name @param {boolean} on @param {(on: boolean) => void} set @param {string} text @param {string} hint */
  const choice = (name, on, set, text, hint) => html`<label class="choice" key=${name}>
    <input type="checkbox" name=${name} checked=${on} onChange=${(/** @type {any} */ event) => set(event.currentTarget.checked)} />
    <span>${text}<small class="soft">${hint}</small></span>
  </label>`;

  return html`<form class="save" onSubmit=${make}>
      <fieldset class="save-shapes">
        <legend>${t("Shape")}</legend>
        ${shapes.map(
          ([value, name, use]) => html`<label key=${value} class="save-shape" data-form=${value}>
            <input type="radio" name="form" value=${value} checked=${form === value} onChange=${() => setForm(value)} />
            <i aria-hidden="true"></i><strong>${name}</strong><small>${use}</small>
          </label>`,
        )}
      </fieldset>
      <div>
        ${choice("crossfades", crossfades, setCrossfades, t("Soft transitions"), t("Scenes fade into each other."))}
        ${video.captions && choice("captions", captions, setCaptions, t("Captions in the picture"), t("What is said can be read without sound."))}
        ${choice("cards", cards, setCards, t("Product card"), t("Name and today's price, with the date."))}
      </div>
      <button class="button" disabled=${asking}>${icon("download")}${t("Make the file")}</button>
    </form>
    ${files.length > 0 && html`<${Files} files=${files} drop=${drop} />`}
    <p class="small soft">${t("Inside, the file notes where it comes from; the note is not signed. Here it is deleted after 24 hours.")}</p>`;
}

/** @param {{files: Export[], drop: (file: Export) => void}} props */
function Files({ files, drop }) {
  const shape = { "9:16": t("Upright"), "1:1": t("Square"), "16:9": t("Wide") };
  return html`<section class="save-files" aria-labelledby="save-files">
    <h3 id="save-files">${t("Your files of this video")}</h3>
    <ul>
      ${files.map((file) => {
        const name = [
          shape[file.form],
          file.crossfades && t("Soft transitions"),
          file.captions && t("Captions in the picture"),
          file.cards && t("Product card"),
        ].filter(Boolean).join(", ");
        return html`<li key=${file.id} data-export=${file.id} data-state=${file.state}>
          <div>
            <strong>${name}</strong>
            <span class="small soft" role="status">${said(file)}</span>
            ${OPEN.has(file.state) && html`<progress aria-label=${name} max="1" value=${file.progress}></progress>`}
          </div>
          ${file.file && html`<a class="button" href=${file.file} download>${icon("download")}${t("Download")}</a>`}
          <button class="icon-button" aria-label="${OPEN.has(file.state) ? t("Cancel") : t("Delete")}: ${name}" onClick=${() => drop(file)}>
            ${icon(OPEN.has(file.state) ? "x" : "trash-2")}
          </button>
        </li>`;
      })}
    </ul>
  </section>`;
}

/** How far a file is, in words. @param {Export} file */
function said(file) {
  if (file.state === "queued") return t("Waits for its turn");
  if (file.state === "rendering") return t("Is being made: {percent} %", { percent: Math.round(file.progress * 100) });
  if (file.state === "failed") return file.detail ?? "";
  return t("{size} MB, until {when}", {
    size: new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format((file.bytes ?? 0) / MEGABYTE),
    when: moment(file.expires_at ?? ""),
  });
}
