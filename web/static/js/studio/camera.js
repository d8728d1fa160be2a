import { signal } from "@preact/signals";
import { explain, list, meter, open, remember, remembered } from "vitrine/studio/devices.js";

const SILENCE = 0.12;
/** Five seconds of ten readings each. */
const SILENT_READINGS = 50;

/** The host's camera and microphone as signals that the studio draws. */
export function cameraOf() {
  let silent = 0;
  /** @type {() => void} */
  let stopMeter = () => undefined;
  const camera = {
    stream: signal(/** @type {MediaStream | null} */ (null)),
    cameras: signal(/** @type {MediaDeviceInfo[]} */ ([])),
    microphones: signal(/** @type {MediaDeviceInfo[]} */ ([])),
    choice: signal(remembered()),
    error: signal(""),
    opening: signal(false),
    level: signal(0),
    /** Nothing was heard for five seconds although the microphone is on. */
    silent: signal(false),
    muted: signal(false),
    dark: signal(false),
    secure: window.isSecureContext && Boolean(navigator.mediaDevices),
    start,
    choose,
    toggleSound,
    togglePicture,
    stop,
  };

  async function start() {
    if (!camera.secure || camera.opening.value) return;
    camera.opening.value = true;
    try {
      const before = camera.stream.value;
      for (const track of before?.getTracks() ?? []) track.stop();
      use(await open(camera.choice.value));
      camera.error.value = "";
      await refresh();
    } catch (error) {
      camera.error.value = explain(error);
    } finally {
      camera.opening.value = false;
    }
  }

  /** @param {MediaStream} stream */
  function use(stream) {
    for (const track of stream.getTracks()) {
      track.enabled = track.kind === "audio" ? !camera.muted.value : !camera.dark.value;
      track.addEventListener("ended", () => {
        if (camera.stream.value === stream) start();
      });
    }
    const [picture] = stream.getVideoTracks();
    // Things move in a show; how soft the picture may get is said in the encoder's parameters.
    if (picture) picture.contentHint = "motion";
    camera.stream.value = stream;
    stopMeter();
    silent = 0;
    stopMeter = meter(stream, (level) => {
      camera.level.value = level;
      silent = level < SILENCE && !camera.muted.value ? silent + 1 : 0;
      camera.silent.value = silent >= SILENT_READINGS;
    });
  }

  async function refresh() {
    const found = await list();
    camera.cameras.value = found.cameras;
    camera.microphones.value = found.microphones;
  }

  /** @param {Partial<import("vitrine/studio/devices.js").Choice>} change */
  async function choose(change) {
    camera.choice.value = { ...camera.choice.value, ...change };
    remember(camera.choice.value);
    await start();
  }

  function toggleSound() {
    camera.muted.value = !camera.muted.value;
    for (const track of camera.stream.value?.getAudioTracks() ?? []) track.enabled = !camera.muted.value;
  }

  function togglePicture() {
    camera.dark.value = !camera.dark.value;
    for (const track of camera.stream.value?.getVideoTracks() ?? []) track.enabled = !camera.dark.value;
  }

  function stop() {
    stopMeter();
    stopMeter = () => undefined;
    for (const track of camera.stream.value?.getTracks() ?? []) track.stop();
    camera.stream.value = null;
  }

  if (camera.secure) navigator.mediaDevices.addEventListener("devicechange", refresh);
  return camera;
}

/** @typedef {ReturnType<typeof cameraOf>} Camera */
