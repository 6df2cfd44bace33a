// Which files there are, and which life of which file each path names.
//
// Invariants: one inode is one file, however many names it has; a stream and an offset never name two different
// contents, so whenever the bytes before an offset are not what was read there, the file's life is over and a new one
// begins at 0; what a life has not read is looked for where rotation may have put it. Names change hands at any moment,
// so what a file is told by is always taken from what was opened.

import { basename, dirname, join } from "node:path";
import { describeSystemError } from "../errors.ts";
import type { FileRecord } from "./checkpoint.ts";
import { holdsPosition, type OpenedContent } from "./content.ts";
import { type FileStat, statFile } from "./file-stat.ts";
import { START } from "./line-reader.ts";
import { Lives, type LivesOptions } from "./lives.ts";
import { endOf, haveSameBytes, isSame, isUnchanged, positionOf } from "./positions.ts";
import { RecordBook } from "./record-book.ts";
import { findMoved, isCompressed, openUnlessGone, originalNames } from "./rotation.ts";
import type { TrackedFile } from "./tracked-file.ts";
import { Unseen, type UnseenOptions } from "./unseen.ts";

export interface FileTableOptions extends LivesOptions, UnseenOptions {
  /** Files, as `dev:ino`, that are never shipped. */
  readonly ownInodes: ReadonlySet<string>;
}

/** How long a rotated file is still looked at after it was written last. */
const LATE_WRITES_MS = 60_000;
/** How often a path is looked at again because it names another file each time. */
const LOOKS_MAX = 20;

export class FileTable {
  readonly #options: FileTableOptions;
  readonly #lives: Lives;
  /** What the checkpoint knew and no file has claimed yet. */
  readonly #book: RecordBook;
  readonly #unseen: Unseen;
  /** Paths that are told about once. */
  readonly #complained: Set<string> = new Set();

  constructor(records: readonly FileRecord[], options: FileTableOptions) {
    this.#options = options;
    this.#lives = new Lives(options);
    this.#book = new RecordBook(records);
    this.#unseen = new Unseen(this.#lives, this.#book, options);
  }

  /** Every life that there is something to know of. */
  get files(): Iterable<TrackedFile> {
    return this.#lives.all;
  }

  /** Lives at no path any more that may still grow. */
  get rotated(): TrackedFile[] {
    return this.#lives.rotated;
  }

  /** Lives whose streams are in no checkpoint yet. */
  get unsaved(): Set<TrackedFile> {
    return this.#lives.unsaved;
  }

  /** Paths that name files, or did so a short while ago. */
  get paths(): Iterable<string> {
    return [...this.#unseen.paths, ...this.#lives.paths];
  }

  has(path: string): boolean {
    return this.#lives.at(path) !== undefined;
  }

  /** What a checkpoint has to remember. */
  records(): FileRecord[] {
    const live = this.#lives.all.map((file) => file.record());
    return [...live, ...this.#book.all];
  }

  /** Takes up the files that the checkpoint knew and that are no longer at their path. */
  async restore(): Promise<void> {
    const undisturbed = new Set<string>();
    // Those of which nothing is known but their inode come last: an inode is given out again.
    const records = [...this.#book.all].sort((a, b) => Number(b.head.bytes > 0) - Number(a.head.bytes > 0));
    for (const record of records) {
      if (!this.#book.all.includes(record)) continue;
      // A file at its path is met there; a rotated one has no path to be met at.
      const isAtPath = !record.isRotated && (await this.#isAtPath(record));
      if (!isAtPath) await this.#restoreMoved(record);
      // A file that nothing was read of may have been written, copied and truncated meanwhile.
      else if (record.offset > 0) undisturbed.add(record.family);
    }
    for (const path of this.#unseen.paths)
      if (!undisturbed.has(path)) await this.#unseen.meet(path, this.#stat(path)?.inode);
  }

  /** Looks at what a path names now. `startAt` says where a file begins that was never seen before. */
  async examine(path: string, startAt: "beginning" | "end" = "beginning"): Promise<void> {
    for (let look = 0; look < LOOKS_MAX; look++) if (await this.#examineOnce(path, startAt)) return;
    this.#complain(path, "names another file each time it is looked at");
  }

  /** A file holds what was read there: so nothing else came to its path before it was last looked at. */
  verified(file: TrackedFile): void {
    if (file.isRotated) return;
    file.seenMs = file.lookedMs;
    this.#unseen.looked(file.path, file.lookedMs);
  }

  /** Ends a life whose content turned out to be another. What it has not read may be in a copy that was left. */
  async replace(file: TrackedFile, stat: FileStat): Promise<void> {
    const { report, onReady } = this.#options;
    const { path, family, seenMs } = file;
    const isRotated = file.isRotated || this.#lives.at(path) !== file;
    const moved = await findMoved(family, "", positionOf(file));
    // What is open is the file that has another content now, whatever its path names.
    const content = file.takeContent() ?? (await openUnlessGone(path));
    this.#lives.forget(file);
    if (content !== undefined && (await content.stat()).inode === stat.inode) {
      const next = await this.#lives.begin(content, { path, family, stat, isRotated, seenMs }, START);
      await next.use(content);
      onReady(next);
    } else {
      await content?.close();
      if (!isRotated) await this.examine(path);
    }
    if (moved === undefined) {
      report(
        "warn",
        `File truncation detected for ${path}: no copy holds what was before, it is read from its beginning`,
      );
      this.#lives.end(file);
    } else {
      report("info", `File truncation detected for ${path}: its rest is read from ${moved.sibling.path}`);
      await this.#lives.moveTo(file, moved);
      onReady(file);
    }
    // Between the two there may have been others.
    await this.#unseen.meet(family, stat.inode);
  }

  /**
   * Lets go of a life that is read to its end, settled, and at no path. It is still remembered while its file may
   * exist: what looks new beside its old path must not be taken for unread.
   */
  async retire(file: TrackedFile): Promise<void> {
    await file.closeContent();
    this.#book.addRotated(file.record());
    this.#lives.remove(file);
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

  /** False if the path has changed hands meanwhile, and must be looked at again. */
  async #examineOnce(path: string, startAt: "beginning" | "end"): Promise<boolean> {
    // Taken before the look: what comes after it is news.
    const nowMs = Date.now();
    const stat = this.#stat(path);
    const current = this.#lives.at(path);
    if (stat === undefined || stat.kind !== "file") {
      if (stat !== undefined)
        this.#complain(path, stat.kind === "directory" ? "is a directory" : "is not a regular file");
      if (current !== undefined) await this.#leave(path, current, undefined);
      else if (this.#unseen.isKnownPath(path)) await this.#unseen.meet(path, undefined);
      return true;
    }
    if (isCompressed(path)) {
      this.#complain(path, "is compressed: it is read only as the rest of a file that was rotated");
      return true;
    }
    if (current?.inode === stat.inode) {
      // One that was empty may have been written, copied and truncated since.
      const wasTouched = stat.sizeBytes > 0 || stat.modifiedMs !== current.modifiedMs;
      if (current.head.bytes === 0 && wasTouched) await this.#unseen.meet(path, stat.inode);
      await this.#look(current, stat, nowMs);
    } else {
      if (current !== undefined) await this.#leave(path, current, stat);
      const known = this.#lives.withInode(stat.inode);
      if (known === undefined) {
        if (this.#options.ownInodes.has(stat.inode)) {
          this.#complain(path, "takes this program's own messages: it is not shipped");
          return true;
        }
        if (!(await this.#meet(path, stat, startAt))) return false;
      } else {
        this.#lives.name(known, path);
        await this.#look(known, stat, nowMs);
      }
    }
    return true;
  }

  /** The file at a path that has not been replaced: did it grow, or is it not what it was? */
  async #look(file: TrackedFile, stat: FileStat, nowMs: number): Promise<void> {
    file.lookedMs = nowMs;
    const isAsRead = stat.sizeBytes === file.sizeBytes && stat.modifiedMs === file.modifiedMs && !file.error;
    if (stat.sizeBytes < file.position.offset) await this.replace(file, stat);
    else if (isAsRead) this.verified(file);
    else this.#options.onReady(file);
  }

  /** A path names another file now, or none: the life that it named goes on without it. */
  async #leave(path: string, file: TrackedFile, successor: FileStat | undefined): Promise<void> {
    this.#lives.unname(file, path);
    if (file.isRotated && !file.isOpen) await this.#reopenMoved(file);
    else if (file.isRotated) await this.#noticeTruncation(file);
    if (successor !== undefined) this.#options.report("info", `File rotation detected for ${path}`);
    await this.#unseen.meet(path, successor?.inode);
    if (!file.isLost) this.#options.onReady(file);
  }

  /** A file that was idle, and so closed, when it was moved. */
  async #reopenMoved(file: TrackedFile): Promise<void> {
    const moved = await findMoved(file.family, file.inode, positionOf(file));
    if (moved === undefined) this.#lives.end(file);
    else await this.#lives.moveTo(file, moved);
  }

  /** A file may have been copied and truncated before it was moved: then the copy has the rest of what it was. */
  async #noticeTruncation(file: TrackedFile): Promise<void> {
    const stat = await file.content.stat();
    if (stat.sizeBytes < file.position.offset || !(await isUnchanged(file))) await this.replace(file, stat);
  }

  /** Takes up a file that no life has. False if the path names another by now, or none. */
  async #meet(path: string, stat: FileStat, startAt: "beginning" | "end"): Promise<boolean> {
    const seenMs = Date.now();
    const content = await openUnlessGone(path);
    if (content === undefined) return false;
    try {
      if ((await content.stat()).inode !== stat.inode) return false;
      const where = { path, family: path, stat, isRotated: false, seenMs };
      const record = await this.#book.find(path, content, stat);
      if (record !== undefined) {
        this.#book.remove(record);
        this.#options.onReady(await this.#lives.resume(record, content, where));
        return true;
      }
      const original = stat.sizeBytes === 0 ? undefined : await this.#originalOf(path, content, stat);
      if (original !== undefined) {
        if (original.inode !== stat.inode)
          this.#complain(path, `is a copy of ${original.path}, whose lines are shipped from there`);
        return true;
      }
      if (this.#unseen.isKnownPath(path)) await this.#unseen.meet(path, stat.inode);
      const mark = startAt === "end" ? await endOf(content, stat.sizeBytes) : START;
      this.#options.onReady(await this.#lives.begin(content, where, mark));
      this.#unseen.looked(path, seenMs);
      return true;
    } finally {
      await content.close();
    }
  }

  /**
   * The file that a new one is a copy of, as a rotator leaves it before it truncates the original. If that has been
   * truncated by now, its life goes on in the copy, which then is no new file any more.
   */
  async #originalOf(path: string, copy: OpenedContent, stat: FileStat): Promise<TrackedFile | undefined> {
    for (const name of originalNames(basename(path))) {
      const file = this.#lives.at(join(dirname(path), name));
      if (file === undefined) continue;
      const content = await openUnlessGone(file.path);
      if (content === undefined) continue;
      try {
        const original = await content.stat();
        if (original.inode !== file.inode) continue;
        if (!(await holdsPosition(content, positionOf(file)))) {
          await this.replace(file, original);
          const moved = this.#lives.withInode(stat.inode);
          if (moved !== undefined) return moved;
        } else if (await haveSameBytes(content, copy, stat.sizeBytes)) return file;
      } finally {
        await content.close();
      }
    }
    return undefined;
  }

  /** A record whose file is not at its path any more: it was rotated while nobody looked. */
  async #restoreMoved(record: FileRecord): Promise<void> {
    const found = await findMoved(record.family, record.inode, record);
    const isTaken = found !== undefined && this.#lives.withInode(found.sibling.inode) !== undefined;
    if (isTaken) await found.content.close();
    const moved = isTaken ? undefined : found;
    const isReadAlready = record.isRotated && moved?.sibling.sizeBytes === record.offset;
    // A writer that has not noticed the rotation may still be at it.
    if (isReadAlready && Date.now() - moved.sibling.modifiedMs > LATE_WRITES_MS) {
      await moved.content.close();
      return;
    }
    if (moved !== undefined) await this.#unseen.resume(record, moved.content, moved.sibling.path);
    else this.#book.remove(record);
    if (record.isRotated) return;
    const { report } = this.#options;
    const { path, offset } = record;
    if (moved === undefined)
      report("warn", `${path} was replaced; what it held behind byte ${offset} is not found`);
    else report("info", `File rotation detected for ${path}: its rest is read from ${moved.sibling.path}`);
  }

  async #isAtPath(record: FileRecord): Promise<boolean> {
    const stat = this.#stat(record.path);
    if (stat?.kind !== "file") return false;
    return record.head.bytes === 0 ? stat.inode === record.inode : isSame(record.path, record);
  }
}
