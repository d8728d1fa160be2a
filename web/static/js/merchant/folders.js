import { isVideo } from "vitrine/merchant/uploads.js";

/** Folders inside folders, and files in one; more is a mistake of whoever dropped it. */
const DEEPEST = 8;
const MOST = 500;

/**
 * The files of a drop; of folders among them, the videos that they hold.
 * @param {DataTransfer | null} dropped
 * @returns {Promise<File[]>}
 */
export async function filesOf(dropped) {
  const entries = [...(dropped?.items ?? [])].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...(dropped?.files ?? [])];
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) if (entry) await collect(entry, found, 0);
  return found;
}

/** @param {FileSystemEntry} entry @param {File[]} found @param {number} depth */
async function collect(entry, found, depth) {
  if (found.length >= MOST || depth > DEEPEST) return;
  if (entry.isFile) {
    const file = await new Promise((/** @type {(file: File) => void} */ resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    if (isVideo(file)) found.push(file);
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await collect(each, found, depth + 1);
  }
}
