import { t } from "vitrine/i18n.js";

/** @typedef {{rid: string, bytes: number, planned: number, bitrate: number, fps: number, width: number, height: number}} Layer */
/** @typedef {{at: number, bytes: number, bitrate: number, fps: number, width: number, height: number, loss: number, rtt: number, limited: string, codec: string, layers: Layer[]}} Health */
/** @typedef {{level: "good" | "warn" | "bad", code: string, sentence: string}} Verdict */

const LOW_BITRATE = 500_000;
const LOW_FPS = 20;
const SOME_LOSS = 0.02;
const MUCH_LOSS = 0.08;

/**
 * Read what leaves for the server out of a connection's statistics.
 * @param {RTCStatsReport} report
 * @param {Health | null} before the reading before this one
 * @returns {Health} the figures of the picture are those of its best layer
 */
export function read(report, before) {
  /** @type {Health} */
  const now = { at: 0, bytes: 0, bitrate: 0, fps: 0, width: 0, height: 0, loss: 0, rtt: 0, limited: "none", codec: "", layers: [] };
  for (const each of report.values()) {
    if (each.type === "outbound-rtp") {
      now.bytes += each.bytesSent;
      now.at = Math.max(now.at, each.timestamp);
      if (each.kind !== "video") continue;
      // Of a small picture Chromium makes fewer layers than were agreed.
      if (each.active !== false && each.frameWidth > 0) now.layers.push(layerOf(each));
      if (each.qualityLimitationReason === "cpu" || now.limited === "none") now.limited = each.qualityLimitationReason ?? "none";
      now.codec ||= String(report.get(each.codecId)?.mimeType ?? "").replace("video/", "");
    } else if (each.type === "remote-inbound-rtp" && each.kind === "video") {
      now.loss = Math.max(now.loss, each.fractionLost ?? 0);
      now.rtt = Math.max(now.rtt, each.roundTripTime ?? 0);
    }
  }
  now.layers.sort((one, other) => other.width - one.width);
  const [best] = now.layers;
  if (best) Object.assign(now, { fps: best.fps, width: best.width, height: best.height });
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  if (!before || seconds <= 0) return now;
  const rate = (/** @type {number} */ bytes, /** @type {number} */ then) => Math.max(0, ((bytes - then) * 8) / seconds);
  now.bitrate = rate(now.bytes, before.bytes);
  for (const layer of now.layers) {
    const then = before.layers.find((each) => each.rid === layer.rid) ?? layer;
    // Chromium probes the network with old packets of one layer, and counts them as that layer's.
    layer.bitrate = Math.min(rate(layer.bytes, then.bytes), rate(layer.planned, then.planned));
  }
  return now;
}

/** @param {any} report @returns {Layer} */
function layerOf(report) {
  return {
    rid: report.rid ?? "",
    bytes: report.bytesSent,
    // Chromium says 0 where its encoder does not tell.
    planned: report.totalEncodedBytesTarget || report.bytesSent,
    bitrate: 0,
    fps: Math.round(report.framesPerSecond ?? 0),
    width: report.frameWidth ?? 0,
    height: report.frameHeight ?? 0,
  };
}

/** Readings in a row, one a second, after which a machine counts as too weak for several layers. */
const WEAK_READINGS = 10;
const WEAK_FPS = 15;

/** Notices that this machine cannot encode several layers: it says so, or far too few pictures leave, for ten seconds. */
export class Strength {
  constructor() {
    this.weak = 0;
  }

  /** @param {Health} health @returns {boolean} it is too much */
  tooMuch(health) {
    const many = health.layers.length > 1;
    const weak = many && (health.limited === "cpu" || (health.limited !== "bandwidth" && health.fps < WEAK_FPS));
    this.weak = weak ? this.weak + 1 : 0;
    return this.weak >= WEAK_READINGS;
  }
}

/**
 * Judge it in one sentence that says what to do.
 * @param {Health} health
 * @returns {Verdict}
 */
export function judge(health) {
  if (health.loss > MUCH_LOSS) return { level: "bad", code: "lossHigh", sentence: t("Much of the picture is lost on the way. Move closer to the Wi-Fi or use a cable.") };
  if (health.fps === 0) return { level: "bad", code: "noVideo", sentence: t("No picture is leaving this browser.") };
  if (health.limited === "cpu") return { level: "warn", code: "cpu", sentence: t("This computer is at its limit. Close other programs.") };
  if (health.limited === "bandwidth" && health.bitrate < LOW_BITRATE) return { level: "warn", code: "videoBitrateLow", sentence: t("The upload is slow: the picture may look soft.") };
  if (health.fps < LOW_FPS) return { level: "warn", code: "frameRateLow", sentence: t("The picture is not quite fluent.") };
  if (health.loss > SOME_LOSS) return { level: "warn", code: "lossSome", sentence: t("Some of the picture is lost on the way.") };
  return { level: "good", code: "good", sentence: t("The stream is in good shape.") };
}
