import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { ask, Problem } from "vitrine/api.js";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";
import { toast } from "vitrine/toast.js";

/** Made on this page: it is shown until the page is left, wherever the fields stand. */
const token = signal("");

/** What the host sees of a stream that comes from somewhere else. @param {{store: import("vitrine/live/store.js").Store, hasKey: boolean}} props */
export function EncoderLive({ store, hasKey }) {
  return html`<section class="source encoder-live stack">
    <p class="notice notice-good" role="status">${icon("circle-check")}<span><strong>${t("Your encoder is live.")}</strong> ${t("Picture and sound come from OBS, FFmpeg or another device: start, mute and stop them there.")}</span></p>
    <details>
      <summary>${icon("chevron-right")} ${t("Address and key for the encoder")}</summary>
      <${Encoder} store=${store} hasKey=${hasKey} />
    </details>
  </section>`;
}

/**
 * How OBS, FFmpeg or another encoder streams into this room (RFC 9725).
 * @param {{store: import("vitrine/live/store.js").Store, hasKey: boolean}} props
 */
export function Encoder({ store, hasKey }) {
  const [old, setOld] = useState(hasKey || token.value !== "");
  const url = new URL(`${store.room.url}/whip`, location.href).href;
  const create = async () => {
    try {
      const key = await ask("POST", `/v1/rooms/${store.room.id}/key`);
      token.value = key.token;
      setOld(true);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      toast(problem.message);
    }
  };
  const secret = token.value || t("YOUR-KEY");
  const command = `ffmpeg -re -i INPUT -c:v libx264 -profile:v baseline -bf 0 -g 60 -b:v 2500k -pix_fmt yuv420p -c:a libopus -ar 48000 -ac 2 -f whip -authorization ${secret} ${url}`;
  const live = store.state.value === "live";
  return html`<div class="encoder stack">
    ${!live && html`<p class="notice" role="status">${icon("loader-circle")}<span>${t("Waiting for your encoder …")}</span></p>`}
    <${CopyField} id="whip-url" label=${t("Server (WHIP address)")} value=${url} />
    ${token.value
      ? html`<${CopyField} id="whip-token" label=${t("Stream key (Bearer token)")} value=${token.value} secret hint=${t("Shown only now. Keep it to yourself: whoever has it can stream in this room.")} />`
      : html`<p class="field"><span class="label">${t("Stream key (Bearer token)")}</span><span class="hint">${old ? t("There is a key already. It cannot be shown again, but replaced.") : t("There is no key for this room yet.")}</span></p>`}
    <p><button class="button button-plain" onClick=${create}>${icon(old ? "refresh-cw" : "plus")} ${old ? t("Replace the key") : t("Create a key")}</button></p>
    <div class="card settings">
      <h2>${t("Settings in OBS")}</h2>
      <dl>
        <div><dt>${t("Service")}</dt><dd>WHIP</dd></div>
        <div><dt>${t("Encoder")}</dt><dd>x264, Baseline</dd></div>
        <div><dt>${t("Bitrate")}</dt><dd>CBR, 2000–2500 kbit/s</dd></div>
        <div><dt>${t("Keyframe interval")}</dt><dd>2 s</dd></div>
        <div><dt>${t("B-frames")}</dt><dd>0</dd></div>
        <div><dt>${t("Picture")}</dt><dd>720 × 1280 / 1280 × 720, 30 fps</dd></div>
        <div><dt>${t("Sound")}</dt><dd>Opus, 48 kHz</dd></div>
      </dl>
    </div>
    <${CopyField} id="ffmpeg" label=${t("Or with FFmpeg")} value=${command} />
  </div>`;
}

/** @param {{id: string, label: string, value: string, secret?: boolean, hint?: string}} props */
function CopyField({ id, label, value, secret, hint }) {
  const [shown, setShown] = useState(!secret);
  const copy = async () => {
    const field = /** @type {HTMLInputElement} */ (document.getElementById(id));
    try {
      await navigator.clipboard.writeText(value);
      toast(t("Copied."));
    } catch {
      setShown(true);
      field.focus();
      field.select();
      toast(t("Press Ctrl+C to copy."));
    }
  };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <div class="copy">
      <input class="input" id=${id} readonly type=${shown ? "text" : "password"} value=${value} aria-describedby=${hint ? `${id}-hint` : undefined} onFocus=${(/** @type {any} */ event) => event.currentTarget.select()} />
      ${secret && html`<button class="icon-button" aria-label=${shown ? t("Hide") : t("Show")} onClick=${() => setShown(!shown)}>${icon(shown ? "eye-off" : "eye")}</button>`}
      <button class="icon-button" aria-label=${t("Copy {label}", { label })} onClick=${copy}>${icon("copy")}</button>
    </div>
    ${hint && html`<span class="hint" id=${`${id}-hint`}>${hint}</span>`}
  </div>`;
}
