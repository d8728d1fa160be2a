const ENDINGS = /\.(mp4|m4v|mov|webm|mkv|3gp|qt)$/i;
/** Folders inside folders, and files in one; more is a mistake of whoever dropped it. */
const DEEPEST = 8;
const MOST = 500;

/** As the service takes them: see MOST_TAGS and LONGEST_TAG in video_assembly/clips.py. */
const MOST_TAGS = 20;
const LONGEST_TAG = 40;
/** Where a file of a dropped folder lay; a chosen one knows it by itself. @type {WeakMap<File, string>} */
const places = new WeakMap();

/**
 * The names of the folders that a file lay in, as tags.
 * @param {File} file
 */
export function folderTags(file) {
  const path = (places.get(file) ?? file.webkitRelativePath ?? "").split("/").slice(0, -1);
  const names = path.map((each) => each.replaceAll(",", " ").trim().slice(0, LONGEST_TAG).trim());
  return [...new Set(names.filter(Boolean))].slice(0, MOST_TAGS);
}

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
    places.set(file, entry.fullPath);
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

/** @param {File} file */
export function isVideo(file) {
  return file.type.startsWith("video/") || ENDINGS.test(file.name);
}
