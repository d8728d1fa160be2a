import { t } from "vitrine/i18n.js";

/** @typedef {{camera: string, microphone: string}} Choice device ids, empty for the browser's own choice */

const STORE = "vitrine-studio-devices";
/** 720p30 is what rooms are made for; a phone held upright gives 720x1280 by itself. */
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** @returns {Choice} what was chosen here last time */
export function remembered() {
  try {
    return { camera: "", microphone: "", ...JSON.parse(localStorage.getItem(STORE) ?? "{}") };
  } catch {
    return { camera: "", microphone: "" };
  }
}

/** @param {Choice} choice */
export function remember(choice) {
  localStorage.setItem(STORE, JSON.stringify(choice));
}

/**
 * Open camera and microphone; a remembered device that is not plugged in is passed over.
 * @param {Choice} choice
 * @returns {Promise<MediaStream>}
 */
export async function open(choice) {
  const wish = (/** @type {object} */ base, /** @type {string} */ id) => (id ? { ...base, deviceId: { exact: id } } : base);
  try {
    return await navigator.mediaDevices.getUserMedia({ video: wish(PICTURE, choice.camera), audio: wish(SOUND, choice.microphone) });
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "OverconstrainedError") throw error;
    return navigator.mediaDevices.getUserMedia({ video: PICTURE, audio: SOUND });
  }
}

/** @returns {Promise<{cameras: MediaDeviceInfo[], microphones: MediaDeviceInfo[]}>} */
export async function list() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return {
    cameras: devices.filter((device) => device.kind === "videoinput" && device.deviceId),
    microphones: devices.filter((device) => device.kind === "audioinput" && device.deviceId),
  };
}

/**
 * Say what to do about a device that does not open.
 * @param {unknown} error
 * @returns {string}
 */
export function explain(error) {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return t("Camera and microphone are blocked for this page. Click the camera symbol in the address bar, allow both, then try again.");
    case "NotFoundError":
      return t("No camera or no microphone was found. Plug one in, then try again.");
    case "NotReadableError":
    case "AbortError":
      return t("Another program is using the camera or the microphone. Close it, then try again.");
    default:
      return t("The camera could not be opened: {why}", { why: String(error) });
  }
}

/**
 * Measure how loud a stream is, ten times a second.
 * @param {MediaStream} stream
 * @param {(level: number) => void} hear 0 (silence) to 1
 * @returns {() => void} stop
 */
export function meter(stream, hear) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    if (context.state === "suspended") context.resume();
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    // -60 dBFS is a quiet room, 0 dBFS is clipping.
    hear(Math.min(1, Math.max(0, 1 + (10 * Math.log10(power + 1e-9)) / 60)));
  }, 100);
  return () => {
    clearInterval(timer);
    context.close();
  };
}
