// Where a file has gone that is no longer at its path: renamed, copied away before a truncation, or compressed. Names
// and inodes only say where to look; that the content is the same, up to where it was read, decides.

import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { FileContent, GzipContent, holdsPosition, type OpenedContent, type Position } from "./content.ts";
import { type FileStat, statFile } from "./file-stat.ts";

/** A file beside a path under a name that rotation gives. */
export interface Sibling extends FileStat {
  readonly path: string;
}

/** Where a file's content has gone. */
export interface Moved {
  readonly sibling: Sibling;
  /** Open; the receiver closes it. */
  readonly content: OpenedContent;
}

export const isCompressed = (path: string): boolean => path.endsWith(".gz");

/** `app.log.1`, `app.log-20240115`, `app.log.2.gz`, `app-20240115.log`, `app.1.log.gz` for `app.log`. */
export function isRotatedName(name: string, original: string): boolean {
  if (name === original) return false;
  const plain = name.replace(/\.gz$/, "");
  if (plain === original || (plain.startsWith(original) && /^[.\-_~]/.test(plain.slice(original.length))))
    return true;
  const extension = extname(original);
  const stem = basename(original, extension);
  return (
    extension !== "" &&
    plain.endsWith(extension) &&
    plain.startsWith(stem) &&
    /^[.\-_]/.test(plain.slice(stem.length))
  );
}

/** A rotated name that nothing but a rotation gives: of digits and dates, or `old`; not `app.log.offset`. */
export function isNumberedName(name: string, original: string): boolean {
  const plain = name.replace(/\.gz$/, "");
  const extension = extname(original);
  const added = plain.startsWith(original)
    ? plain.slice(original.length)
    : plain.slice(basename(original, extension).length, plain.length - extension.length);
  return isRotatedName(name, original) && /^(?:[.\-_](?:\d[\dT:._-]*|old))?$/.test(added);
}

/** The names of which a name may be a rotated one. */
export function originalNames(name: string): string[] {
  const plain = name.replace(/\.gz$/, "");
  const cuts = [...plain.matchAll(/[.\-_~]/g)].map(({ index }) => plain.slice(0, index));
  const extension = extname(plain);
  const candidates = [plain, ...cuts, ...cuts.map((cut) => cut + extension)];
  return [...new Set(candidates)].filter((candidate) => isRotatedName(name, candidate));
}

/** The files that a rotation of `path` may have left, raw ones first, then by the time of their last change. */
export async function rotatedSiblings(path: string): Promise<Sibling[]> {
  const directory = dirname(path);
  const names = await readdir(directory).catch(() => []);
  const siblings: Sibling[] = [];
  for (const name of names) {
    if (!isRotatedName(name, basename(path))) continue;
    const sibling = join(directory, name);
    const stat = statFile(sibling);
    if (stat?.kind === "file") siblings.push({ path: sibling, ...stat });
  }
  return siblings.sort(
    (a, b) => Number(isCompressed(a.path)) - Number(isCompressed(b.path)) || a.modifiedMs - b.modifiedMs,
  );
}

/** The kernel's clock for file times ticks slower than ours. */
export const CLOCK_TICK_MS = 20;
/** How often a folder is looked through again because names in it change meanwhile. */
const SCANS_MAX = 10;

/**
 * Looks through a folder until it has what it looks for, or no name in it has changed meanwhile: what is renamed during
 * a look may be missed by it.
 */
export async function untilStill<T>(
  directory: string,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let scan = 1; ; scan++) {
    const before = statFile(directory)?.modifiedMs ?? 0;
    const found = await look();
    const isStill = before === (statFile(directory)?.modifiedMs ?? 0) && Date.now() - before > CLOCK_TICK_MS;
    if (found !== undefined || isStill || scan === SCANS_MAX) return found;
    await new Promise((resolve) => setTimeout(resolve, CLOCK_TICK_MS));
  }
}

/** Opens a file, inflating one that is compressed. */
export function openContent(path: string): Promise<OpenedContent> {
  return isCompressed(path) ? GzipContent.open(path) : FileContent.open(path);
}

/** The same, or undefined if there is nothing at the path any more. */
export async function openUnlessGone(path: string): Promise<OpenedContent | undefined> {
  try {
    return await openContent(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The content at a path if it is the one that the position was taken in; the caller closes it. */
export async function openIfSame(path: string, position: Position): Promise<OpenedContent | undefined> {
  const content = await openContent(path);
  try {
    if (await holdsPosition(content, position)) return content;
  } catch {
    // A damaged or half-written compressed file is not, or not yet, the one that is looked for.
  }
  await content.close();
  return undefined;
}

/**
 * Finds where the content of a position has gone, for a file that once was at `path`. A position at the very start of
 * a file says nothing about it: then only the inode tells.
 */
export function findMoved(path: string, inode: string, position: Position): Promise<Moved | undefined> {
  return untilStill(dirname(path), () => findMovedOnce(path, inode, position));
}

async function findMovedOnce(path: string, inode: string, position: Position): Promise<Moved | undefined> {
  const siblings = await rotatedSiblings(path);
  // What was compressed is another file: its inode is one that was given out again.
  const sameInode = siblings.filter(
    (sibling) => sibling.inode === inode && (position.head.bytes > 0 || !isCompressed(sibling.path)),
  );
  const others = position.head.bytes === 0 ? [] : siblings.filter((sibling) => sibling.inode !== inode);
  for (const { path, sizeBytes } of [...sameInode, ...others]) {
    if (!isCompressed(path) && sizeBytes < position.offset) continue;
    const content = await openIfSame(path, position).catch(() => undefined);
    if (content === undefined) continue;
    // The name may have gone on to another file meanwhile: what was opened counts.
    const sibling = { path, ...(await content.stat()) };
    if (position.head.bytes > 0 || sibling.inode === inode) return { sibling, content };
    await content.close();
  }
  return undefined;
}
