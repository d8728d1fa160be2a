import { signal } from "@preact/signals";
import { ask, Problem } from "vitrine/api.js";
import { t } from "vitrine/i18n.js";
import { OVER } from "vitrine/live/store.js";
import { Publisher } from "vitrine/live/whip.js";
import { judge, read, Strength } from "vitrine/studio/health.js";
import { toast } from "vitrine/toast.js";

const COUNT_FROM = 3;

/**
 * The running of a show by its host: going live, staying live, ending.
 * @param {import("vitrine/live/store.js").Store} store
 * @param {import("vitrine/studio/camera.js").Camera} camera
 */
export function showOf(store, camera) {
  /** @type {Publisher | null} */
  let publisher = null;
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  /** @type {number | undefined} */
  let watch;
  let strength = new Strength();
  const show = {
    /** What this browser does: nothing, counting down, publishing, trying to come back. */
    phase: signal(/** @type {"idle" | "counting" | "connecting" | "air" | "reconnecting"} */ ("idle")),
    count: signal(0),
    sentence: signal(""),
    health: signal(/** @type {import("vitrine/studio/health.js").Health | null} */ (null)),
    verdict: signal(/** @type {import("vitrine/studio/health.js").Verdict | null} */ (null)),
    goLive,
    /** Think again while it counts. */
    wait: () => (show.phase.value = "idle"),
    end,
    cancel: () => move("cancel"),
    openDoors: () => move("start"),
    pin,
    dispose,
  };

  async function goLive() {
    const stream = camera.stream.value;
    if (!stream || show.phase.value !== "idle") return;
    show.sentence.value = "";
    show.phase.value = "counting";
    for (show.count.value = COUNT_FROM; show.count.value > 0; show.count.value -= 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      if (show.phase.value !== "counting") return;
    }
    strength = new Strength();
    publisher = new Publisher(`${store.room.url}/whip`, stream, hear);
    publisher.start();
    addEventListener("beforeunload", guard);
    keepAwake();
    watch = setInterval(look, 1000);
  }

  /** @param {import("vitrine/live/whip.js").PublisherState} state @param {string} sentence */
  function hear(state, sentence) {
    show.sentence.value = sentence;
    if (state === "connected") show.phase.value = "air";
    else if (state === "connecting" || state === "reconnecting") show.phase.value = state;
    else leaveAir();
  }

  async function look() {
    const connection = publisher?.connection;
    if (!connection || connection.connectionState !== "connected") return;
    show.health.value = read(await connection.getStats(), show.health.value);
    if (!camera.dark.value && strength.tooMuch(show.health.value)) publisher?.simplify();
    if (show.health.value.bitrate > 0) show.verdict.value = judge(show.health.value);
  }

  function leaveAir() {
    clearInterval(watch);
    removeEventListener("beforeunload", guard);
    lock?.release().catch(() => undefined);
    lock = null;
    publisher = null;
    show.phase.value = "idle";
    show.health.value = show.verdict.value = null;
  }

  async function end() {
    await publisher?.stop();
    if (!OVER.has(store.state.value)) await move("end");
  }

  /** @param {"end" | "cancel" | "start"} what */
  async function move(what) {
    await attempt(async () => {
      const room = await ask("POST", `/v1/rooms/${store.room.id}/${what}`);
      store.state.value = room.state;
    });
  }

  /** @param {string} productId @param {boolean} pinned */
  async function pin(productId, pinned) {
    await attempt(async () => {
      const path = `/v1/rooms/${store.room.id}/pins`;
      if (pinned) await ask("POST", path, { product_id: productId });
      else await ask("DELETE", `${path}/${productId}`);
      store.pinnedId.value = pinned ? productId : null;
    });
  }

  /** @param {() => Promise<void>} work */
  async function attempt(work) {
    try {
      await work();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      toast(problem.message);
    }
  }

  /** @param {BeforeUnloadEvent} event */
  function guard(event) {
    event.preventDefault();
  }

  async function keepAwake() {
    if (document.visibilityState !== "visible" || !("wakeLock" in navigator) || !publisher) return;
    lock = await navigator.wakeLock.request("screen").catch(() => null);
  }

  function dispose() {
    // The show goes on without us for a while: whoever comes back in time continues it.
    publisher?.abandon();
    leaveAir();
    document.removeEventListener("visibilitychange", keepAwake);
  }

  store.state.subscribe((state) => {
    if (OVER.has(state)) camera.stop();
    else if (state === "reconnecting") publisher?.renew();
  });
  camera.stream.subscribe((stream) => {
    if (stream) publisher?.use(stream);
  });
  document.addEventListener("visibilitychange", keepAwake);
  return show;
}

/** @typedef {ReturnType<typeof showOf>} Show */

/** @param {string} state */
export function stateName(state) {
  return {
    scheduled: t("Planned"),
    lobby: t("Doors open"),
    live: t("Live"),
    reconnecting: t("Interrupted"),
    ended: t("Ended"),
    cancelled: t("Cancelled"),
  }[state];
}
