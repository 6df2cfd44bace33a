// Reads files to their end, once or following them as they grow. One loop does everything in turn: look at what changed,
// read the next file that has something, wait. So no two steps see the files in different states, and a busy file takes
// turns with quiet ones.

import { describeSystemError } from "../errors.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { Source } from "../pipeline/interfaces.ts";
import type { FileRecord } from "./checkpoint.ts";
import { FileContent } from "./content.ts";
import type { FileStat } from "./file-stat.ts";
import { FileTable } from "./file-table.ts";
import { expandPatterns, pathMatcher } from "./glob.ts";
import { expectInput, tellDelivered, unreadable } from "./input-check.ts";
import type { FileSourceDependencies, FileSourceOptions } from "./interfaces.ts";
import { LineReader } from "./line-reader.ts";
import { isBehind, isUnchanged } from "./positions.ts";
import { openContent } from "./rotation.ts";
import type { TrackedFile } from "./tracked-file.ts";
import { Turns } from "./turns.ts";
import { FolderWatcher } from "./watcher.ts";

/** How often everything is looked at, for what the kernel's events did not tell. */
const SWEEP_INTERVAL_MS = 10_000;
const SWEEP_SLICE = 200; // paths looked at in one go; then other work has its turn
/** How long a rotated file must have been quiet before a last line without a newline ships as it is … */
const ROTATED_QUIET_MS = 5_000;
/** … and before it is let go of: its writer may not have noticed the rotation yet. */
const RETIRE_QUIET_MS = 60_000;
const SAVE_RETRY_MS = 1_000; // after a checkpoint could not be written
const FILES_OPEN_MAX = 256;

export class FileSource implements Source {
  readonly #options: FileSourceOptions;
  readonly #dependencies: FileSourceDependencies;
  readonly #table: FileTable;
  readonly #reader: LineReader;
  readonly #watcher: FolderWatcher;
  readonly #matches: (path: string) => boolean;
  readonly #ready: Turns = new Turns();
  readonly #changed: Set<string> = new Set();
  readonly problems: Map<string, string> = new Map(); // paths that cannot be read, and why
  readonly #open: Set<TrackedFile> = new Set(); // the ones opened longest ago first
  #isSweepDue = false;
  #isRotatedDue = false;
  #sweepTimer: NodeJS.Timeout | undefined;
  #quietTimer: NodeJS.Timeout | undefined;
  #isPolling: boolean;
  #isStopped = false;
  #saveAgainMs = 0; // when to try again to save new streams, on the clock of `performance.now`
  #wake: (() => void) | undefined;

  constructor(options: FileSourceOptions, dependencies: FileSourceDependencies) {
    const { createEncoder, report, onSettled, checkpoint, pool } = dependencies;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#reader = new LineReader(options, pool);
    this.#matches = pathMatcher(options.patterns);
    this.#isPolling = options.watch === "poll";
    this.#watcher = new FolderWatcher(
      (path) => this.#onChange(path),
      (directory, error) => this.#pollInstead(directory, error),
    );
    const records = checkpoint?.files ?? [];
    const kept = options.again ? records.filter(({ path }) => !this.#matches(path)) : records;
    this.#table = new FileTable(kept, {
      createEncoder,
      ownInodes: options.ownInodes,
      report,
      onSettled,
      onReady: (file) => this.#ready.add(file),
    });
  }

  get files(): Iterable<TrackedFile> {
    return this.#table.files;
  }

  records(): FileRecord[] {
    return this.#table.records();
  }

  async open(): Promise<void> {
    const isFirstRun = this.#dependencies.checkpoint === undefined;
    const { follow, patterns, startAt } = this.#options;
    if (!follow) await expectInput(patterns);
    await this.#table.restore();
    await this.#sweep(follow && isFirstRun ? startAt : "beginning");
    if (follow) this.#setSweepTimer();
    else tellDelivered(this.#table.files, this.#dependencies.report);
    await this.#saveNewStreams();
  }

  async read(): Promise<Batch | undefined> {
    while (!this.#isStopped) {
      if (this.#options.follow) await this.#lookAround();
      const file = this.#ready.take();
      if (file === undefined) {
        if (!this.#options.follow) return undefined;
        await this.#wait();
        continue;
      }
      const batch = await this.#readFrom(file);
      if (batch === undefined) continue;
      this.#ready.add(file);
      return batch;
    }
    return undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.stop();
    clearTimeout(this.#sweepTimer);
    clearTimeout(this.#quietTimer);
    this.#watcher.close();
    await this.#table.close();
  }

  #onChange(path: string | undefined): void {
    if (path === undefined) this.#isSweepDue = true;
    else if (this.#table.has(path) || this.#matches(path)) this.#changed.add(path);
    // A name that is none of ours may be a rotated file's: its writer may not have noticed.
    else this.#isRotatedDue = true;
    this.#wake?.();
  }

  #pollInstead(directory: string, error: unknown): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    const why = `${directory} cannot be watched (${describeSystemError(error)})`;
    const instead = `files are looked at each ${this.#options.pollIntervalMs / 1000} s`;
    this.#dependencies.report("warn", `${why}: ${instead}`);
    this.#setSweepTimer();
  }

  #setSweepTimer(): void {
    clearTimeout(this.#sweepTimer);
    const intervalMs = this.#isPolling ? this.#options.pollIntervalMs : SWEEP_INTERVAL_MS;
    this.#sweepTimer = setTimeout(() => {
      this.#isSweepDue = true;
      this.#wake?.();
    }, intervalMs);
  }

  #wait(): Promise<void> {
    if (this.#isStopped || this.#isSweepDue || this.#isRotatedDue || this.#changed.size > 0)
      return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  async #lookAround(): Promise<void> {
    if (this.#isSweepDue) {
      this.#isSweepDue = false;
      await this.#sweep("beginning");
      this.#setSweepTimer();
    }
    if (this.#isRotatedDue) {
      this.#isRotatedDue = false;
      for (const file of this.#table.rotated) this.#ready.add(file);
    }
    if (this.#changed.size > 0) {
      const paths = [...this.#changed];
      this.#changed.clear();
      for (const path of paths) await this.#examine(path, "beginning");
    }
    await this.#saveNewStreams();
  }

  async #examine(path: string, startAt: "beginning" | "end"): Promise<void> {
    if (this.#options.isOwn(path)) return;
    try {
      await this.#table.examine(path, startAt);
    } catch (error) {
      if (!this.#options.follow) throw unreadable(path, error);
      this.#complain(path, error);
    }
  }

  async #sweep(startAt: "beginning" | "end"): Promise<void> {
    const { patterns } = this.#options;
    const { paths, directories, links } = await expandPatterns(patterns, (path, error) =>
      this.#complain(path, error),
    );
    if (this.#options.follow && this.#options.watch === "auto") this.#watcher.watchOnly(directories, links);
    let looked = 0;
    const known = [...this.#table.paths].filter((path) => this.#matches(path) || this.#table.has(path));
    for (const path of new Set([...paths, ...known])) {
      if (this.#isStopped) return;
      await this.#examine(path, startAt);
      if (++looked % SWEEP_SLICE === 0) await new Promise(setImmediate);
    }
    await this.#lookAtRotated();
  }

  /** Files at no path any more: they may still grow, and are let go of in the end. */
  async #lookAtRotated(): Promise<void> {
    for (const file of this.#table.files) {
      if (!file.isRotated && !file.isLost) continue;
      const quietMs = performance.now() - file.grewMs;
      if (file.isSettled && (file.isLost || quietMs > RETIRE_QUIET_MS)) await this.#table.retire(file);
      else if (!file.isLost) this.#ready.add(file);
    }
  }

  /** Makes room for one more open file: those opened longest ago are closed, and opened again for their next turn. */
  async #makeRoom(): Promise<void> {
    for (const file of this.#open) {
      if (this.#open.size < FILES_OPEN_MAX) return;
      // Nothing may lead back to a rotated file but its descriptor.
      if (file.isRotated && file.isOpen) continue;
      this.#open.delete(file);
      await file.closeContent();
    }
  }

  async #readFrom(file: TrackedFile): Promise<Batch | undefined> {
    try {
      if (!(await this.#prepare(file))) return undefined;
      const before = file.position;
      const batch = await this.#reader.read(file);
      // What was read counts only behind what was read before: the file may have been rewritten meanwhile.
      if (file.position !== before && !(await isBehind(file, before))) {
        file.takeBack(before, batch);
        this.#reader.forget(file);
        this.#ready.add(file);
        return undefined;
      }
      if (file.position !== before) file.grewMs = performance.now();
      this.problems.delete(file.path);
      file.error = undefined;
      if (batch === undefined) await this.#caughtUp(file);
      file.noteSkipped();
      return batch;
    } catch (error) {
      if (!this.#options.follow) throw unreadable(`${file.path} at byte ${file.position.offset}`, error);
      file.error = describeSystemError(error);
      // A file that is gone by now is no fault of it: the next look finds out where it went.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") this.#changed.add(file.path);
      else this.#complain(file.path, error);
      return undefined;
    }
  }

  /** Says what is wrong with a path, once until it is something else. */
  #complain(path: string, error: unknown): void {
    const message = describeSystemError(error);
    if (this.problems.get(path) === message) return;
    this.problems.set(path, message);
    this.#dependencies.report("error", `cannot read ${path}: ${message}`);
  }

  /** Opens a file, and makes sure that it still is the one that was read so far; false if there is nothing to read. */
  async #prepare(file: TrackedFile): Promise<boolean> {
    if (file.isLost || this.#table.unsaved.has(file)) return false;
    const wasOpen = file.isOpen;
    if (file.isReading) return true;
    this.#open.delete(file);
    await this.#makeRoom();
    this.#open.add(file);
    if (!wasOpen) await file.use(await openContent(file.path));
    const { content } = file;
    if (content instanceof FileContent) {
      const stat = await content.stat();
      // Between a look and the opening the path may have changed hands; the next look finds out.
      if (!wasOpen && stat.inode !== file.inode) {
        await file.closeContent();
        this.#changed.add(file.path);
        return false;
      }
      if (!(await this.#isToBeRead(file, stat))) return false;
    }
    file.isReading = true;
    // What is compressed is written by nobody any more.
    if (!this.#options.follow || !(content instanceof FileContent)) file.mayBeCut = true;
    return true;
  }

  async #isToBeRead(file: TrackedFile, stat: FileStat): Promise<boolean> {
    const isAsRead = stat.sizeBytes === file.position.offset && !file.mayBeRewritten(stat.modifiedMs);
    file.sizeBytes = stat.sizeBytes;
    file.modifiedMs = stat.modifiedMs;
    if (!isAsRead && (stat.sizeBytes < file.position.offset || !(await isUnchanged(file)))) {
      this.#reader.forget(file);
      await this.#table.replace(file, stat);
      return false;
    }
    this.#table.verified(file);
    if (isAsRead) return false;
    // In a run that ends, a last line is cut off where the file ends now; a cut once noted stays.
    const isNoted = file.cut !== undefined && file.cut > file.position.offset;
    const cut = this.#options.follow || isNoted ? file.cut : stat.sizeBytes;
    // What a stream begins with is on disk before its first event is sent, so that no other content can take its name.
    if (file.head.bytes === 0 || file.cut !== cut) this.#table.unsaved.add(file);
    file.cut = cut;
    await file.growHead(stat.sizeBytes);
    await this.#saveNewStreams();
    return !this.#table.unsaved.has(file);
  }

  /** Nothing more to read for now. What is left of a line is read again when it is complete, or may be cut off. */
  async #caughtUp(file: TrackedFile): Promise<void> {
    file.isReading = false;
    this.#reader.forget(file);
    if (this.#reader.end <= file.position.offset) return;
    const quietMs = performance.now() - file.grewMs;
    if (file.mayBeCut || (file.isRotated && quietMs >= ROTATED_QUIET_MS)) {
      file.cut = this.#reader.end;
      this.#table.unsaved.add(file);
      await this.#saveNewStreams();
    } else if (file.isRotated) this.#lookAgainIn(ROTATED_QUIET_MS - quietMs);
  }

  #lookAgainIn(ms: number): void {
    this.#quietTimer ??= setTimeout(() => {
      this.#quietTimer = undefined;
      this.#isRotatedDue = true;
      this.#wake?.();
    }, ms);
  }

  /** A stream's name must be on disk before the first event under it is sent: until then its file waits. */
  async #saveNewStreams(): Promise<void> {
    const { unsaved } = this.#table;
    const waitMs = this.#saveAgainMs - performance.now();
    if (unsaved.size === 0) return;
    if (waitMs > 0) return this.#lookAgainIn(waitMs); // the timer came a little early
    const fresh = [...unsaved];
    try {
      await this.#dependencies.save(this.#table.records());
    } catch (error) {
      if (!this.#options.follow) throw error;
      this.#saveAgainMs = performance.now() + SAVE_RETRY_MS;
      this.#lookAgainIn(SAVE_RETRY_MS);
      return;
    }
    for (const file of fresh) {
      unsaved.delete(file);
      this.#ready.add(file);
    }
  }
}
