// Which files there are, and which life of which file each path names.
//
// Invariants: one inode is one file, however many names it has; a stream and an offset never name two different
// contents, so whenever the bytes before an offset are not what was read there, the file's life is over and a new one
// begins at 0; what a life has not read is looked for where rotation may have put it.

import { basename, dirname, join } from "node:path";
import { describeSystemError } from "../errors.ts";
import type { LineEncoder } from "../event/line-encoder.ts";
import type { Report } from "../observe/interfaces.ts";
import type { FileRecord } from "./checkpoint.ts";
import { type FileStat, statFile } from "./file-stat.ts";
import { type Mark, START } from "./line-reader.ts";
import { endOf, haveSameBytes, headOf, isSame, isWholeCopy, markOf, positionOf } from "./positions.ts";
import { RecordBook } from "./record-book.ts";
import {
  findMoved,
  isCompressed,
  type Moved,
  openContent,
  originalNames,
  rotatedSiblings,
} from "./rotation.ts";
import { newStream, TrackedFile } from "./tracked-file.ts";

export interface FileTableOptions {
  readonly createEncoder: (stream: string, path: string) => LineEncoder;
  readonly report: Report;
  /** Something was settled, so that a checkpoint has news. */
  readonly onSettled: () => void;
  /** A life has something to read, or may have. */
  readonly onReady: (file: TrackedFile) => void;
}

/** The kernel's clock for file times ticks slower than ours. */
const CLOCK_TICK_MS = 20;

export class FileTable {
  readonly #options: FileTableOptions;
  /** Lives by inode. */
  readonly #byInode: Map<string, TrackedFile> = new Map();
  /** Lives by the paths that name them now. */
  readonly #byPath: Map<string, TrackedFile> = new Map();
  /** Lives whose content is gone but whose last batches are not settled. */
  readonly #ended: Set<TrackedFile> = new Set();
  /** Lives whose streams are in no checkpoint yet. */
  readonly unsaved: Set<TrackedFile> = new Set();
  /** What the checkpoint knew and no file has claimed yet. */
  readonly #book: RecordBook;
  /** Paths that are told about once. */
  readonly #complained: Set<string> = new Set();

  constructor(records: readonly FileRecord[], options: FileTableOptions) {
    this.#book = new RecordBook(records);
    this.#options = options;
  }

  /** Every life that there is something to know of. */
  get files(): Iterable<TrackedFile> {
    return [...this.#byInode.values(), ...this.#ended];
  }

  /** Lives at no path any more that may still grow. */
  get rotated(): TrackedFile[] {
    return [...this.#byInode.values()].filter((file) => file.isRotated);
  }

  get paths(): Iterable<string> {
    return this.#byPath.keys();
  }

  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** What a checkpoint has to remember. */
  records(): FileRecord[] {
    const live = [...this.files].map((file) => file.record());
    return [...live, ...this.#book.all];
  }

  /** Takes up the files that the checkpoint knew and that are no longer at their path. */
  async restore(): Promise<void> {
    for (const record of [...this.#book.all]) {
      if (!this.#book.all.includes(record)) continue;
      const stat = this.#stat(record.path);
      // A file at its path is met there; a rotated one has no path to be met at.
      if (stat?.kind === "file" && !record.isRotated && (await isSame(record.path, record))) continue;
      await this.#restoreMoved(record, stat);
    }
  }

  /** Looks at what a path names now. `startAt` says where a file begins that was never seen before. */
  async examine(path: string, startAt: "beginning" | "end" = "beginning"): Promise<void> {
    const stat = this.#stat(path);
    const current = this.#byPath.get(path);
    if (stat === undefined || stat.kind !== "file") {
      if (stat !== undefined)
        this.#complain(path, stat.kind === "directory" ? "is a directory" : "is not a regular file");
      if (current !== undefined) await this.#leave(path, current, undefined);
      return;
    }
    if (isCompressed(path)) {
      this.#complain(path, "is compressed: it is read only as the rest of a file that was rotated");
      return;
    }
    if (current?.inode === stat.inode) {
      current.seenMs = Date.now();
      await this.#look(current, stat);
      return;
    }
    const known = this.#byInode.get(stat.inode);
    if (current !== undefined) await this.#leave(path, current, stat);
    if (known === undefined) await this.#meet(path, stat, startAt);
    else await this.#rename(known, path, stat);
  }

  /** Ends a life whose content turned out to be another. What it has not read may be in a copy that was left. */
  async replace(file: TrackedFile, stat: FileStat): Promise<void> {
    const { report, onReady } = this.#options;
    const { path } = file;
    const moved = await findMoved(file.family, "", positionOf(file));
    await this.#forget(file);
    onReady(await this.#begin(path, stat, START));
    if (moved === undefined) {
      report(
        "warn",
        `File truncation detected for ${path}: no copy holds what was before, it is read from its beginning`,
      );
      this.#end(file);
    } else {
      report("info", `File truncation detected for ${path}: its rest is read from ${moved.sibling.path}`);
      await this.#moveTo(file, moved);
      onReady(file);
    }
  }

  /**
   * Lets go of a life that is read to its end, settled, and at no path. It is still remembered while its file may
   * exist: what looks new beside its old path must not be taken for unread.
   */
  async retire(file: TrackedFile): Promise<void> {
    await file.closeContent();
    if (!file.isLost) this.#book.addRotated(file.record());
    if (this.#byInode.get(file.inode) === file) this.#byInode.delete(file.inode);
    this.#ended.delete(file);
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.closeContent();
  }

  #stat(path: string): FileStat | undefined {
    try {
      return statFile(path);
    } catch (error) {
      this.#complain(path, `cannot be looked at: ${describeSystemError(error)}`);
      return undefined;
    }
  }

  #complain(path: string, what: string): void {
    const message = `${path} ${what}`;
    if (this.#complained.has(message)) return;
    this.#complained.add(message);
    this.#options.report("warn", message);
  }

  /** The file at a path that has not been replaced: did it grow, or is it not what it was? */
  async #look(file: TrackedFile, stat: FileStat): Promise<void> {
    const isAsRead = stat.sizeBytes === file.sizeBytes && stat.modifiedMs === file.modifiedMs && !file.error;
    if (stat.sizeBytes < file.position.offset) await this.replace(file, stat);
    else if (!isAsRead) this.#options.onReady(file);
  }

  /** A path names another file now, or none: the life that it named goes on without it. */
  async #leave(path: string, file: TrackedFile, successor: FileStat | undefined): Promise<void> {
    this.#byPath.delete(path);
    const otherName = [...this.#byPath].find(([, named]) => named === file)?.[0];
    if (otherName === undefined) {
      file.isRotated = true;
      if (!file.isOpen) await this.#reopenMoved(file);
    } else if (file.path === path) file.path = otherName;
    if (successor !== undefined) {
      this.#options.report("info", `File rotation detected for ${path}`);
      await this.#meetUnseen(path, file.seenMs, successor.inode);
    }
    if (!file.isLost) this.#options.onReady(file);
  }

  /** A file that was idle, and so closed, when it was moved. */
  async #reopenMoved(file: TrackedFile): Promise<void> {
    const moved = await findMoved(file.family, file.inode, positionOf(file));
    if (moved === undefined) this.#end(file);
    else await this.#moveTo(file, moved);
  }

  /** An inode that is known has a further name, or a new one. */
  async #rename(file: TrackedFile, path: string, stat: FileStat): Promise<void> {
    this.#byPath.set(path, file);
    if (file.isRotated) {
      file.path = path;
      file.isRotated = false;
      file.isComplete = false;
    }
    file.seenMs = Date.now();
    await this.#look(file, stat);
  }

  async #meet(path: string, stat: FileStat, startAt: "beginning" | "end"): Promise<void> {
    const record = await this.#book.find(path, stat);
    if (record !== undefined) {
      this.#options.onReady(await this.#resume(record, path, stat));
      return;
    }
    const original = stat.sizeBytes === 0 ? undefined : await this.#originalOf(path, stat);
    if (original !== undefined) {
      if (original.inode !== stat.inode) {
        this.#complain(path, `is a copy of ${original.path}, whose lines are shipped from there`);
      }
      return;
    }
    const mark = startAt === "end" ? await endOf(path, stat.sizeBytes) : START;
    this.#options.onReady(await this.#begin(path, stat, mark));
  }

  /**
   * The file that a new one is a copy of, as a rotator leaves it before it truncates the original. If that has been
   * truncated by now, its life goes on in the copy, which then is no new file any more.
   */
  async #originalOf(path: string, stat: FileStat): Promise<TrackedFile | undefined> {
    for (const name of originalNames(basename(path))) {
      const file = this.#byPath.get(join(dirname(path), name));
      if (file === undefined) continue;
      const original = this.#stat(file.path);
      if (original?.inode !== file.inode) continue;
      if (!(await isSame(file.path, positionOf(file)))) {
        await this.replace(file, original);
        if (this.#byInode.has(stat.inode)) return this.#byInode.get(stat.inode);
      } else if (
        original.sizeBytes >= stat.sizeBytes &&
        (await haveSameBytes(path, file.path, stat.sizeBytes))
      ) {
        return file;
      }
    }
    return undefined;
  }

  async #begin(path: string, stat: FileStat, mark: Mark): Promise<TrackedFile> {
    const head = await headOf(path);
    const identity = { path, family: path, stream: newStream(), inode: stat.inode, start: mark.offset };
    return this.#add({ ...identity, head, mark, seenMs: Date.now(), isRotated: false }, stat, false);
  }

  async #resume(record: FileRecord, path: string, stat: FileStat): Promise<TrackedFile> {
    this.#book.remove(record);
    const mark = await markOf(record, path);
    return this.#add(
      { ...record, path, inode: stat.inode, mark, seenMs: Date.now(), isRotated: false },
      stat,
      true,
    );
  }

  #add(record: ConstructorParameters<typeof TrackedFile>[0], stat: FileStat, isSaved: boolean): TrackedFile {
    const { createEncoder, onSettled } = this.#options;
    const file = new TrackedFile(record, createEncoder(record.stream, record.family), onSettled);
    file.sizeBytes = stat.sizeBytes;
    if (!isSaved) this.unsaved.add(file);
    this.#byInode.set(stat.inode, file);
    if (!file.isRotated) this.#byPath.set(record.path, file);
    return file;
  }

  /** A record whose file is not at its path any more: it was rotated while nobody looked. */
  async #restoreMoved(record: FileRecord, current: FileStat | undefined): Promise<void> {
    const moved = await findMoved(record.family, record.inode, record);
    const isReadAlready = record.isRotated && moved?.sibling.sizeBytes === record.offset;
    if (isReadAlready) {
      await moved.content.close();
      return;
    }
    this.#book.remove(record);
    if (moved !== undefined) await this.#resumeMoved(record, moved);
    if (record.isRotated) return;
    const { report } = this.#options;
    const { path, offset } = record;
    if (moved === undefined)
      report("warn", `${path} was replaced; what it held behind byte ${offset} is not found`);
    else report("info", `File rotation detected for ${path}: its rest is read from ${moved.sibling.path}`);
    if (current !== undefined) await this.#meetUnseen(path, record.seenMs, current.inode);
  }

  async #resumeMoved(record: FileRecord, { sibling, content }: Moved): Promise<void> {
    const { path, inode } = sibling;
    const mark = await markOf(record, path);
    const file = this.#add({ ...record, path, inode, mark, isRotated: true }, sibling, true);
    await file.use(content);
    this.#options.onReady(file);
  }

  /** Files that were created at a path and rotated away again while nobody looked: none of them is known. */
  async #meetUnseen(path: string, seenMs: number, currentInode: string): Promise<void> {
    for (const sibling of await rotatedSiblings(path)) {
      const isOld = sibling.modifiedMs < seenMs - CLOCK_TICK_MS || sibling.sizeBytes === 0;
      if (isOld || sibling.inode === currentInode || this.#byInode.has(sibling.inode)) continue;
      const lives = [...this.files].map((file) => ({ ...positionOf(file), family: file.family }));
      const family = [...lives, ...this.#book.all].filter((known) => known.family === path);
      if (await isWholeCopy(sibling.path, family)) continue;
      this.#options.report(
        "info",
        `${sibling.path} was rotated away from ${path} unseen: it is read from its beginning`,
      );
      const file = await this.#begin(sibling.path, sibling, START);
      this.#byPath.delete(sibling.path);
      file.isRotated = true;
      await file.use(await openContent(sibling.path));
      this.#options.onReady(file);
    }
  }

  async #moveTo(file: TrackedFile, { sibling, content }: Moved): Promise<void> {
    await file.use(content);
    if (this.#byInode.get(file.inode) === file) this.#byInode.delete(file.inode);
    file.inode = sibling.inode;
    file.path = sibling.path;
    file.sizeBytes = sibling.sizeBytes;
    file.isRotated = true;
    this.#byInode.set(sibling.inode, file);
  }

  /** Takes a life off its inode and its paths. */
  async #forget(file: TrackedFile): Promise<void> {
    this.#byInode.delete(file.inode);
    for (const [path, named] of this.#byPath) if (named === file) this.#byPath.delete(path);
    await file.closeContent();
  }

  /** Nothing is left to read of a life; it stays until what was read is settled. */
  #end(file: TrackedFile): void {
    file.isLost = true;
    if (this.#byInode.get(file.inode) === file) this.#byInode.delete(file.inode);
    if (!file.isSettled) this.#ended.add(file);
  }
}
