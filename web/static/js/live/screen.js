import { signal } from "@preact/signals";
import { Player } from "vitrine/live/player.js";
import { OVER } from "vitrine/live/store.js";

const WATCHABLE = new Set(["live", "reconnecting"]);

/**
 * The picture of a room: the player, and what the page shows of it as signals.
 * @param {import("vitrine/live/store.js").Store} store
 */
export function screenOf(store) {
  const pictures = /** @type {[HTMLVideoElement, HTMLVideoElement]} */ ([blank(), blank()]);
  let begun = store.room.started_at ? Date.parse(store.room.started_at) : 0;
  const screen = {
    state: signal(/** @type {import("vitrine/live/player.js").PlayerState} */ ("connecting")),
    sentence: signal(""),
    muted: signal(false),
    /** The browser wants a gesture before it lets us be heard. */
    blocked: signal(false),
    portrait: signal(true),
    /** What is on screen, moving or not. */
    picture: signal(/** @type {HTMLVideoElement | null} */ (null)),
    /** How the picture comes, and how many lines it has. */
    way: signal(/** @type {import("vitrine/live/course.js").Way} */ ("whep")),
    lines: signal(0),
    /** What of the show can be reached, and where we are, in seconds. */
    range: signal({ start: 0, edge: 0, at: 0 }),
    behind: signal(false),
    /** The room can be had as a file in pieces, too: stable, and back to its start. */
    both: Boolean(store.room.hls),
    mount: (/** @type {HTMLElement | null} */ place) => place?.replaceChildren(...pictures),
    setMuted,
    follow,
    nudge: () => player.nudge(),
    prefer: (/** @type {"low" | "stable"} */ wish) => player.prefer(wish),
    seek,
    live,
    stop: () => player.stop(),
    retry: () => {
      player.stop();
      player.start();
    },
  };
  const player = new Player({ whep: `${store.room.url}/whep`, hls: store.room.hls ?? "" }, pictures, {
    show,
    state(state, sentence) {
      screen.state.value = state;
      screen.sentence.value = sentence;
      if (state === "over" && WATCHABLE.has(store.state.value)) store.state.value = "ended";
    },
    looked,
  });
  for (const picture of pictures) picture.addEventListener("resize", measure);

  function measure() {
    const picture = screen.picture.value;
    if (picture && picture.videoWidth > 0) screen.portrait.value = picture.videoHeight >= picture.videoWidth;
  }

  /** @param {HTMLVideoElement | null} picture */
  function show(picture) {
    screen.picture.value = picture;
    for (const each of pictures) {
      each.toggleAttribute("data-shown", each === picture);
      if (each !== picture) each.muted = true;
    }
    measure();
    if (picture) listen(picture);
  }

  /** Let it be heard, if the viewer and the browser agree. @param {HTMLVideoElement} picture */
  async function listen(picture) {
    picture.muted = screen.muted.value;
    try {
      await picture.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || picture.muted) return;
      screen.blocked.value = true;
      screen.muted.value = true;
      picture.muted = true;
      await picture.play().catch(() => undefined);
    }
  }

  /** @param {boolean} muted */
  function setMuted(muted) {
    screen.muted.value = muted;
    screen.blocked.value = false;
    if (screen.picture.value) listen(screen.picture.value);
  }

  /** Twice a second: the figures of what is on screen. */
  function looked() {
    const shown = player.shown;
    screen.way.value = shown?.way ?? "whep";
    screen.lines.value = shown?.height ?? 0;
    screen.behind.value = player.behind;
    if (shown?.way === "hls") screen.range.value = shown.range;
    else if (begun > 0) {
      const edge = Math.max(0, (Date.now() - begun) / 1000);
      screen.range.value = { start: 0, edge, at: player.behind ? player.at : edge };
    }
  }

  /** @param {number} at seconds from the show's start */
  function seek(at) {
    player.seek(at);
    screen.behind.value = player.behind;
  }

  function live() {
    player.live();
    screen.behind.value = player.behind;
  }

  /** Begin, hurry or end with the state of the room. @param {string} state */
  function follow(state) {
    // Who waits in the lobby hears from the socket when there is something to play.
    if (!WATCHABLE.has(state)) return player.stop(OVER.has(state));
    begun ||= Date.now();
    player.expected = state === "live";
    player.start();
    if (state === "live") player.nudge();
  }

  return screen;
}

/** @typedef {ReturnType<typeof screenOf>} Screen */

/** An element for one of the two pictures; the page's words for them are on what holds them. */
export function blank() {
  const picture = document.createElement("video");
  Object.assign(picture, { className: "stage-video", playsInline: true, autoplay: true, muted: true, tabIndex: -1 });
  return picture;
}
