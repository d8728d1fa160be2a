import { t } from "vitrine/i18n.js";

/** @typedef {{at: number, bytes: number, bitrate: number, fps: number, width: number, height: number, loss: number, rtt: number, limited: string, codec: string}} Health */
/** @typedef {{level: "good" | "warn" | "bad", code: string, sentence: string}} Verdict */

const LOW_BITRATE = 500_000;
const LOW_FPS = 20;
const SOME_LOSS = 0.02;
const MUCH_LOSS = 0.08;

/**
 * Read what leaves for the server out of a connection's statistics.
 * @param {RTCStatsReport} report
 * @param {Health | null} before the reading before this one
 * @returns {Health}
 */
export function read(report, before) {
  const now = { at: 0, bytes: 0, bitrate: 0, fps: 0, width: 0, height: 0, loss: 0, rtt: 0, limited: "none", codec: "" };
  for (const each of report.values()) {
    if (each.type === "outbound-rtp") {
      now.bytes += each.bytesSent;
      now.at = each.timestamp;
      if (each.kind !== "video") continue;
      now.fps = Math.round(each.framesPerSecond ?? 0);
      now.width = each.frameWidth ?? 0;
      now.height = each.frameHeight ?? 0;
      now.limited = each.qualityLimitationReason ?? "none";
      now.codec = String(report.get(each.codecId)?.mimeType ?? "").replace("video/", "");
    } else if (each.type === "remote-inbound-rtp" && each.kind === "video") {
      now.loss = each.fractionLost ?? 0;
      now.rtt = each.roundTripTime ?? 0;
    }
  }
  if (before && now.at > before.at) now.bitrate = Math.max(0, ((now.bytes - before.bytes) * 8000) / (now.at - before.at));
  return now;
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
