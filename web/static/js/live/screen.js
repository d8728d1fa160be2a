import { signal } from "@preact/signals";
import { OVER } from "vitrine/live/store.js";
import { Player } from "vitrine/live/whep.js";

const WATCHABLE = new Set(["live", "reconnecting"]);

/**
 * The picture of a room: the player, and what the page shows of it as signals.
 * @param {import("vitrine/live/store.js").Store} store
 */
export function screenOf(store) {
  /** @type {HTMLVideoElement | null} */
  let video = null;
  /** @type {MediaStream | null} */
  let current = null;
  const screen = {
    state: signal(/** @type {import("vitrine/live/whep.js").PlayerState} */ ("connecting")),
    sentence: signal(""),
    muted: signal(false),
    /** The browser wants a gesture before it lets us be heard. */
    blocked: signal(false),
    portrait: signal(true),
    attach,
    setMuted,
    follow,
    stop: () => player.stop(),
    retry: () => {
      player.stop();
      player.start();
    },
  };
  const player = new Player(`${store.room.url}/whep`, {
    stream(stream) {
      current = stream;
      show();
    },
    state(state, sentence) {
      screen.state.value = state;
      screen.sentence.value = sentence;
      if (state === "over" && WATCHABLE.has(store.state.value)) store.state.value = "ended";
    },
  });

  /** @param {HTMLVideoElement | null} element */
  function attach(element) {
    video = element;
    video?.addEventListener("resize", () => {
      if (video) screen.portrait.value = video.videoHeight >= video.videoWidth;
    });
    video?.addEventListener("playing", () => player.drawn());
    show();
  }

  function show() {
    if (!video || !current || video.srcObject === current) return;
    video.srcObject = current;
    play();
  }

  async function play() {
    if (!video) return;
    video.muted = screen.muted.value;
    try {
      await video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || video.muted) return;
      screen.blocked.value = true;
      screen.muted.value = true;
      video.muted = true;
      await video.play().catch(() => undefined);
    }
  }

  /** @param {boolean} muted */
  function setMuted(muted) {
    screen.muted.value = muted;
    screen.blocked.value = false;
    if (!video) return;
    video.muted = muted;
    if (video.paused) play();
  }

  /** Begin, hurry or end with the state of the room. @param {string} state */
  function follow(state) {
    // Who waits in the lobby hears from the socket when there is something to play.
    if (!WATCHABLE.has(state)) return player.stop(OVER.has(state));
    player.start();
    if (state === "live") player.nudge();
  }

  return screen;
}

/** @typedef {ReturnType<typeof screenOf>} Screen */
