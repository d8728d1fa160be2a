import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "vitrine/html.js";
import { t } from "vitrine/i18n.js";
import { icon } from "vitrine/live/icon.js";

/** @typedef {import("vitrine/studio/camera.js").Camera} Camera */

/** The host's own picture, mirrored as in front of a mirror; viewers see it the right way round. @param {{camera: Camera}} props */
export function Preview({ camera }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const [wide, setWide] = useState(false);
  const stream = camera.stream.value;
  useEffect(() => {
    if (video.current && video.current.srcObject !== stream) video.current.srcObject = stream;
  }, [stream]);
  return html`<video ref=${video} class=${`preview ${wide && stream ? "preview-wide" : ""}`} playsinline autoplay muted aria-label=${t("Your camera, mirrored")} hidden=${!stream} 
      onResize=${(/** @type {any} */ event) => setWide(event.currentTarget.videoWidth > event.currentTarget.videoHeight)}></video>
    ${camera.dark.value && html`<p class="preview-dark">${icon("video-off")} ${t("Your camera is off")}</p>`}`;
}

/** Why there is no picture, and what to do. @param {{camera: Camera}} props */
export function CameraHelp({ camera }) {
  if (!camera.secure)
    return html`<div class="notice notice-warn insecure" role="alert">
      ${icon("triangle-alert")}
      <div>
        <p><strong>${t("This page is not opened securely, so the browser gives it no camera.")}</strong></p>
        <p>${t("Open it as https://… or, on this machine, as http://localhost. Streaming with OBS or FFmpeg works from here, too.")}</p>
      </div>
    </div>`;
  if (camera.error.value)
    return html`<div class="notice notice-bad" role="alert">
      ${icon("camera-off")}
      <div class="stack"><p>${camera.error.value}</p><p><button class="button button-plain" onClick=${camera.start}>${icon("refresh-cw")} ${t("Try again")}</button></p></div>
    </div>`;
  if (!camera.stream.value)
    return html`<div class="camera-ask">
      ${icon("camera")}
      <p>${t("The browser will ask whether this page may use camera and microphone.")}</p>
      <button class="button" disabled=${camera.opening.value} onClick=${camera.start}>${t("Turn on camera and microphone")}</button>
    </div>`;
  return null;
}

/** Which camera, which microphone, and whether it hears. @param {{camera: Camera}} props */
export function Devices({ camera }) {
  const now = (/** @type {"audio" | "video"} */ kind) =>
    camera.stream.value?.getTracks().find((track) => track.kind === kind)?.getSettings().deviceId ?? "";
  return html`<div class="devices">
    <p class="field">
      <label for="camera">${t("Camera")}</label>
      <select id="camera" class="input" value=${now("video")} onChange=${(/** @type {any} */ event) => camera.choose({ camera: event.currentTarget.value })}>
        ${camera.cameras.value.map((device) => html`<option value=${device.deviceId} selected=${device.deviceId === now("video")}>${device.label || t("Camera")}</option>`)}
      </select>
    </p>
    <p class="field">
      <label for="microphone">${t("Microphone")}</label>
      <select id="microphone" class="input" value=${now("audio")} onChange=${(/** @type {any} */ event) => camera.choose({ microphone: event.currentTarget.value })}>
        ${camera.microphones.value.map((device) => html`<option value=${device.deviceId} selected=${device.deviceId === now("audio")}>${device.label || t("Microphone")}</option>`)}
      </select>
    </p>
    <${Level} camera=${camera} />
  </div>`;
}

/** How loud the microphone is. @param {{camera: Camera}} props */
export function Level({ camera }) {
  const level = camera.muted.value ? 0 : camera.level.value;
  return html`<div class="level">
    <meter min="0" max="1" low="0.25" high="0.93" optimum="0.6" value=${level} aria-label=${t("Microphone level")}></meter>
    <p class="small" role="status">${camera.muted.value ? t("The microphone is off.") : camera.silent.value ? t("We cannot hear you. Is it the right microphone?") : ""}</p>
  </div>`;
}

/** Microphone and camera on and off, in the check and on air. @param {{camera: Camera}} props */
export function Switches({ camera }) {
  const off = !camera.stream.value;
  return html`<button class="switch" disabled=${off} aria-pressed=${camera.muted.value} aria-label=${t("Mute the microphone")} onClick=${camera.toggleSound}>
      ${icon(camera.muted.value ? "mic-off" : "mic")}
    </button>
    <button class="switch" disabled=${off} aria-pressed=${camera.dark.value} aria-label=${t("Turn the camera off")} onClick=${camera.togglePicture}>
      ${icon(camera.dark.value ? "video-off" : "video")}
    </button>`;
}
