import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ask } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { locale, t } from "vitrine/i18n.js";
import { icon } from "vitrine/icon.js";
import { languageChoices, languageName } from "vitrine/merchant/names.js";
import { toast } from "vitrine/toast.js";

const TYPING_MILLISECONDS = 300;
/** The usual length of a new caption. */
const CAPTION_SECONDS = 1.6;
const MOST_BYTES = 64 * 1024;
const EMPTY = "WEBVTT\n";

/** @typedef {{line: number, detail: string}} Mistake */

/**
 * Captions as a WebVTT file that one writes beside the player, which shows them at once.
 * @param {{segment: import("vitrine/merchant/store.js").Segment, store: import("vitrine/merchant/store.js").Store, video: {current: HTMLVideoElement | null}, track: import("@preact/signals").Signal<string>}} props
 */
export function CaptionsEditor({ segment, store, video, track }) {
  const language = useSignal(segment.captions[0] ?? segment.language ?? locale);
  const text = useSignal(EMPTY);
  const mistakes = useSignal(/** @type {Mistake[]} */ ([]));
  const saved = useSignal("");
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const gutter = useRef(/** @type {HTMLElement | null} */ (null));
  const file = useRef(/** @type {HTMLInputElement | null} */ (null));
  const place = `/v1/segments/${segment.id}/captions/${language.value}`;
  const there = segment.captions.includes(language.value);

  useEffect(() => {
    mistakes.value = [];
    text.value = saved.value = EMPTY;
    if (!there) return;
    read(place).then((found) => (text.value = saved.value = found), (error) => toast(error.message));
  }, [place]);
  useEffect(() => {
    const timer = setTimeout(() => {
      track.value = text.value.includes("-->") ? URL.createObjectURL(new Blob([text.value], { type: "text/vtt" })) : "";
    }, TYPING_MILLISECONDS);
    return () => {
      clearTimeout(timer);
      if (track.value) URL.revokeObjectURL(track.value);
    };
  }, [text.value]);

  const save = async () => {
    try {
      store.took(await send(place, text.value));
      mistakes.value = [];
      saved.value = text.value;
      toast(t("Captions saved"));
    } catch (error) {
      const problem = /** @type {import("vitrine/api.js").Problem} */ (error);
      mistakes.value = problem.body?.lines ?? [];
      if (mistakes.value.length) go(mistakes.value[0].line);
      else toast(problem.message);
    }
  };
  const drop = async () => {
    try {
      await ask("DELETE", place);
      store.took({ ...segment, captions: segment.captions.filter((each) => each !== language.value) });
      text.value = saved.value = EMPTY;
      await store.search();
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
  };
  const add = () => {
    const at = Math.min(video.current?.currentTime ?? 0, Math.max(0, segment.duration - 0.5));
    const end = Math.min(segment.duration, at + CAPTION_SECONDS);
    text.value = `${text.value.trimEnd() || "WEBVTT"}\n\n${clock(at)} --> ${clock(end)}\n`;
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(text.value.length, text.value.length);
    });
  };
  /** @param {File | undefined} chosen */
  const upload = async (chosen) => {
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) toast(t("This file is too large for captions: at most 64 KB."));
    else text.value = await chosen.text();
  };
  /** Put the caret into a line. @param {number} line */
  const go = (line) => {
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.current?.focus();
    area.current?.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  };
  const wrong = new Set(mistakes.value.map((each) => each.line));
  return html`<section class="details-part" aria-labelledby="captions-title">
    <div class="row spread">
      <h3 id="captions-title">${t("Captions")}</h3>
      <select class="input captions-language" aria-label=${t("Language of the captions")} value=${language.value} onChange=${(/** @type {any} */ event) => (language.value = event.currentTarget.value)}>
        ${languageChoices([...segment.captions, ...store.languages]).map((each) => html`<option value=${each} selected=${each === language.value}>${languageName(each)}${segment.captions.includes(each) ? " ✓" : ""}</option>`)}
      </select>
    </div>
    <div class="captions-box">
      <pre class="captions-gutter" aria-hidden="true" ref=${gutter}>${text.value.split("\n").map((_, at) => html`<span class=${wrong.has(at + 1) ? "captions-wrong" : ""}>${at + 1}\n</span>`)}</pre>
      <textarea class="captions-text" ref=${area} rows="9" wrap="off" spellcheck="true" lang=${language.value} aria-label=${t("Captions as WebVTT")} value=${text.value}
        aria-describedby="captions-mistakes" aria-invalid=${mistakes.value.length > 0}
        onInput=${(/** @type {any} */ event) => (text.value = event.currentTarget.value)}
        onScroll=${(/** @type {any} */ event) => gutter.current && (gutter.current.scrollTop = event.currentTarget.scrollTop)}></textarea>
    </div>
    <ul class="captions-mistakes" id="captions-mistakes" role=${mistakes.value.length ? "alert" : "presentation"}>
      ${mistakes.value.map((each) => html`<li><button type="button" class="link-button" onClick=${() => go(each.line)}>${t("Line {line}", { line: each.line })}</button> ${each.detail}</li>`)}
    </ul>
    <div class="button-row">
      <button type="button" class="button" disabled=${text.value === saved.value} onClick=${save}>${t("Save captions")}</button>
      <button type="button" class="button button-plain" onClick=${add}>${icon("plus")}${t("Caption from here")}</button>
      <button type="button" class="button button-plain" onClick=${() => file.current?.click()}>${icon("upload")}${t("Open a file")}</button>
      ${there && html`<button type="button" class="button button-quiet" onClick=${drop}>${icon("trash-2")}${t("Delete captions")}</button>`}
    </div>
    <input ref=${file} type="file" accept=".vtt,text/vtt" hidden data-captions-file onChange=${(/** @type {any} */ event) => {
      upload(event.currentTarget.files?.[0]);
      event.currentTarget.value = "";
    }} />
  </section>`;
}

/** @param {string} place @returns {Promise<string>} */
async function read(place) {
  const answer = await fetch(place, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(t("Something went wrong here. It has been noted; try again."));
  return answer.text();
}

/** @param {string} place @param {string} text */
async function send(place, text) {
  return ask("PUT", place, new Blob([text], { type: "text/vtt" }));
}

/** @param {number} seconds */
function clock(seconds) {
  const whole = Math.round(seconds * 1000);
  const [minutes, rest] = [Math.floor(whole / 60_000), whole % 60_000];
  return `${String(minutes).padStart(2, "0")}:${String(Math.floor(rest / 1000)).padStart(2, "0")}.${String(rest % 1000).padStart(3, "0")}`;
}
