// Files that came to a path and were rotated away from it while nobody looked. What is beside the path and has changed
// since the last look is one of them, unless it is known: by its inode, from the checkpoint, or as a copy.

import { basename, dirname } from "node:path";
import type { Report } from "../observe/interfaces.ts";
import type { FileRecord } from "./checkpoint.ts";
import { type OpenedContent, readFully } from "./content.ts";
import { START } from "./line-reader.ts";
import type { Lives } from "./lives.ts";
import { isKnownCopy } from "./positions.ts";
import type { RecordBook } from "./record-book.ts";
import {
  CLOCK_TICK_MS,
  isCompressed,
  isNumberedName,
  openUnlessGone,
  rotatedSiblings,
  type Sibling,
  untilStill,
} from "./rotation.ts";
import type { TrackedFile } from "./tracked-file.ts";

export interface UnseenOptions {
  readonly report: Report;
  /** A life has something to read, or may have. */
  readonly onReady: (file: TrackedFile) => void;
}

/** How long a path that names nothing any more is looked at for what comes and goes there. */
const AWAITED_MS = 60_000;

export class Unseen {
  readonly #lives: Lives;
  readonly #book: RecordBook;
  readonly #options: UnseenOptions;
  /** When paths that files were known at were last looked at. */
  readonly #lookedMs: Map<string, number> = new Map();
  readonly #startMs: number = Date.now();

  constructor(lives: Lives, book: RecordBook, options: UnseenOptions) {
    this.#lives = lives;
    this.#book = book;
    this.#options = options;
    for (const { family, seenMs } of book.all)
      this.#lookedMs.set(family, Math.max(seenMs, this.#lookedMs.get(family) ?? 0));
  }

  /** Paths that files were known at, those that name none any more only for a while. */
  get paths(): string[] {
    const sinceMs = Date.now() - AWAITED_MS;
    for (const [path, lookedMs] of this.#lookedMs) {
      const isOld = Math.max(lookedMs, this.#startMs) < sinceMs;
      if (isOld && this.#lives.at(path) === undefined) this.#lookedMs.delete(path);
    }
    return [...this.#lookedMs.keys()];
  }

  /** A file was known at the path. */
  isKnownPath(path: string): boolean {
    return this.#lookedMs.has(path);
  }

  /** The path was looked at: `timeMs` is from right before, since what comes after that is news. */
  looked(path: string, timeMs: number): void {
    this.#lookedMs.set(path, timeMs);
  }

  /** Takes up what has come to a path and gone since the last look; `currentInode` is there now. */
  async meet(path: string, currentInode: string | undefined): Promise<void> {
    await untilStill(dirname(path), () => this.#meetOnce(path, currentInode));
  }

  async #meetOnce(path: string, currentInode: string | undefined): Promise<void> {
    const sinceMs = (this.#lookedMs.get(path) ?? 0) - CLOCK_TICK_MS;
    for (const sibling of await rotatedSiblings(path)) {
      if (sibling.modifiedMs < sinceMs || !isNumberedName(basename(sibling.path), basename(path))) continue;
      const content = await openUnlessGone(sibling.path);
      if (content === undefined) continue;
      if (!(await this.#take(path, sibling, content, currentInode))) await content.close();
    }
  }

  /** Goes on with a life that a checkpoint knew, in what its file has become. */
  async resume(record: FileRecord, content: OpenedContent, path: string): Promise<void> {
    this.#book.remove(record);
    const { family, seenMs } = record;
    const where = { path, family, stat: await content.stat(), isRotated: true, seenMs };
    const file = await this.#lives.resume(record, content, where);
    await file.use(content);
    this.#options.onReady(file);
  }

  /** True if the content is in use from here on. */
  async #take(
    path: string,
    sibling: Sibling,
    content: OpenedContent,
    currentInode: string | undefined,
  ): Promise<boolean> {
    // The name may have gone on to another file meanwhile: what was opened counts.
    const stat = await content.stat();
    if (stat.inode === currentInode || this.#lives.withInode(stat.inode) !== undefined) return false;
    // A file of its own, under a name that looks like a rotated one's, is met at its path.
    const own = await this.#book.find(sibling.path, content, stat);
    if (own !== undefined && own.family !== path) return false;
    const record = await this.#book.findRotated(path, content, stat);
    if (record !== undefined) {
      const hasMore = (await readFully(content, record.offset, 1)).length > 0;
      if (hasMore) await this.resume(record, content, sibling.path);
      return hasMore;
    }
    const lives = this.#lives.all.filter(({ family }) => family === path);
    if (await isKnownCopy(content, sibling, lives)) return false;
    const empty = isCompressed(sibling.path) ? undefined : this.#book.findEmpty(path, stat.inode);
    if (empty !== undefined) {
      await this.resume(empty, content, sibling.path);
      return true;
    }
    const message = `${sibling.path} was rotated away from ${path} unseen: it is read from its beginning`;
    this.#options.report("info", message);
    // Not the time of this look: it counts only once what it found is in a checkpoint.
    const seenMs = this.#lookedMs.get(path) ?? 0;
    const where = { path: sibling.path, family: path, stat, isRotated: true, seenMs };
    const file = await this.#lives.begin(content, where, START);
    await file.use(content);
    this.#options.onReady(file);
    return true;
  }
}
