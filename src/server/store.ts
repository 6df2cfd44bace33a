// The append-only log of accepted lines, with natural group commit: a commit takes everything that came during the one
// before, so the disk sets the pace and nobody waits for a timer. Invariants:
//  - appends are committed in the order in which they were made, and settle in that order;
//  - a segment holds whole lines only. What a failure left behind is cut off before anything else is written, and a
//    next segment is never begun behind an unfinished line;
//  - an append that has failed is in no segment;
//  - the marks follow the appends, commits and failures in the same turn: whoever looks finds both alike.

import { dirname, resolve } from "node:path";
import { type DirectoryLock, lockDirectory } from "../disk/dir-lock.ts";
import type { FileSystem } from "../disk/file-system.ts";
import { ConfigError, describeSystemError, LogshipError } from "../errors.ts";
import type { Report } from "../observe/interfaces.ts";
import { Group } from "./group.ts";
import { MarkKeeper } from "./mark-keeper.ts";
import { type Advances, MarkTable, NO_ADVANCES } from "./marks.ts";
import { Segment, segmentNumbers } from "./segment.ts";
import type { StoreStats } from "./stats.ts";

/**
 * When an append counts as done. `disk`: it is on disk. `write`: the kernel has it; a power cut can lose it.
 * `memory`: at once; whatever ends the process can lose it.
 */
export type Durability = "disk" | "write" | "memory";

export interface StoreOptions {
  readonly storeDir: string;
  /** A segment that has reached this size is followed by the next. One append is never split. */
  readonly segmentBytes: number;
  readonly durability: Durability;
  /** Streams whose marks are kept; beyond it the least recently used are forgotten. Default 100,000. */
  readonly streamsMax?: number;
  readonly fileSystem: FileSystem;
  /** Told in words: repair on opening, trouble begun and ended. */
  readonly report: Report;
  /** Called when the store is no longer full. */
  readonly onRoom: () => void;
}

/** Over this the store is full: a disk that hangs must not fill the memory, however often senders come again. */
const UNWRITTEN_BYTES_MAX = 64 * 1024 * 1024;

const STREAMS_MAX = 100_000;

const DONE = Promise.resolve();

export class Store {
  readonly stats: StoreStats = {
    linesStored: 0,
    bytesStored: 0,
    commits: 0,
    commitsFailed: 0,
    bytesRepaired: 0,
    linesLost: 0,
    streamsEvicted: 0,
  };
  /** What the store has of each stream, or is going to have. */
  readonly marks: MarkTable;
  readonly #keeper: MarkKeeper;
  readonly #options: StoreOptions;
  readonly #directory: string;
  #lock: DirectoryLock | undefined;
  #segment: Segment | undefined;
  /** Groups that wait for their commit; the last takes further appends. */
  #waiting: Group[] = [];
  #current: Group | undefined;
  #unwrittenBytes = 0;
  /** The size that the last segment will have when every waiting group is committed. */
  #plannedBytes = 0;
  #running: Promise<void> = DONE;
  #committing = false;
  #closed = false;
  /** Something may stand behind the committed bytes of the segment. */
  #torn = false;
  /** A sync has failed: what the kernel still holds of this file cannot be relied on. */
  #abandonSegment = false;
  #trouble = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#directory = resolve(options.storeDir);
    this.marks = new MarkTable(options.streamsMax ?? STREAMS_MAX, this.stats, options.report);
    this.#keeper = new MarkKeeper(this.marks, {
      ...options,
      directory: this.#directory,
      commitsSync: options.durability === "disk",
    });
  }

  /**
   * Makes the directory, locks it, repairs and opens the last segment, and brings the marks back. Rejects with a
   * `ConfigError` when the directory cannot be used, and with `ERR_LOCKED` (75) when another process has it.
   */
  async open(): Promise<void> {
    try {
      await this.#makeDirectory();
      this.#lock = await lockDirectory(this.#directory, "store", this.#options.fileSystem);
      if (!this.#lock.supported) {
        this.#options.report(
          "warn",
          `store: ${this.#directory} cannot be locked on this system: run one server only`,
        );
      }
      const names = await this.#options.fileSystem.list(this.#directory);
      await this.#openLastSegment(segmentNumbers(names).at(-1) ?? 1);
      await this.#keeper.open();
    } catch (error) {
      await this.close();
      if (error instanceof LogshipError) throw error;
      const message = `the store ${this.#directory} cannot be used: ${describeSystemError(error)}`;
      throw new ConfigError(message, { cause: error });
    }
  }

  /** Whether more than 64 MiB wait to be written. Nothing is refused then, but senders should wait for `onRoom`. */
  get isFull(): boolean {
    return this.#unwrittenBytes > UNWRITTEN_BYTES_MAX;
  }

  /** Settles like everything appended so far, when that is written; `undefined` when nothing waits. */
  get pending(): Promise<void> | undefined {
    return (this.#waiting.at(-1) ?? this.#current)?.done;
  }

  /**
   * Appends lines, each ended by `\n`, that take their streams so far. The promise is shared by all appends of one
   * commit; it resolves when they are as durable as asked for, and rejects when they could not be stored. The buffers
   * must not change until then.
   */
  append(
    buffers: readonly Buffer[],
    bytes: number,
    lines: number,
    advances: Advances = NO_ADVANCES,
  ): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the store is closed"));
    const group = this.#groupFor(bytes);
    group.add(buffers, bytes, lines, advances);
    this.marks.append(advances);
    this.#unwrittenBytes += bytes;
    this.#plannedBytes += bytes;
    if (!this.#committing) {
      this.#committing = true;
      this.#running = this.#run();
    }
    if (this.#options.durability !== "memory" || this.isFull || this.#trouble) return group.done;
    group.linesPromised += lines;
    return DONE;
  }

  /** Commits what was appended, saves the marks, closes the segment and gives the directory back. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    if (this.#torn) await this.#mend().catch(() => {});
    await this.#keeper.close();
    await this.#segment?.close().catch(() => {});
    this.#segment = undefined;
    await this.#lock?.release();
  }

  #groupFor(bytes: number): Group {
    const last = this.#waiting.at(-1);
    const startsSegment = this.#plannedBytes > 0 && this.#plannedBytes + bytes > this.#options.segmentBytes;
    if (last !== undefined && !startsSegment) return last;
    if (startsSegment) this.#plannedBytes = 0;
    const group = new Group(startsSegment);
    this.#waiting.push(group);
    return group;
  }

  async #run(): Promise<void> {
    // The appends of this turn of the event loop go into one commit.
    await new Promise(setImmediate);
    for (;;) {
      const group = this.#waiting.shift();
      this.#current = group;
      if (group === undefined) break;
      await this.#commit(group).then(
        () => this.#succeeded(group),
        (error) => this.#failed(error, group),
      );
    }
    this.#committing = false;
  }

  #release(bytes: number): void {
    const wasFull = this.isFull;
    this.#unwrittenBytes -= bytes;
    if (wasFull && !this.isFull) this.#options.onRoom();
  }

  async #commit(group: Group): Promise<void> {
    await this.#mend();
    if (group.startsSegment || this.#abandonSegment) await this.#nextSegment();
    const segment = this.#segment!;
    this.#torn = true;
    await segment.write(group.buffers);
    if (this.#options.durability === "disk") await this.#sync(segment);
    segment.commit(group.bytes);
    this.#torn = false;
  }

  async #sync(segment: Segment): Promise<void> {
    try {
      await segment.sync();
    } catch (error) {
      this.#abandonSegment = true;
      throw error;
    }
  }

  #succeeded(group: Group): void {
    const { number, committed } = this.#segment!;
    this.marks.commit(group.advances, { segment: number, offset: committed });
    this.stats.commits++;
    this.stats.linesStored += group.lines;
    this.stats.bytesStored += group.bytes;
    if (this.#trouble) this.#options.report("info", `store: ${this.#directory} can be written again`);
    this.#trouble = false;
    this.#release(group.bytes);
    group.settle();
    this.#keeper.grown(group.bytes);
  }

  /** Takes back the group and all that wait behind it: their order must hold when they are sent again. */
  async #failed(error: unknown, group: Group): Promise<void> {
    await this.#mend().catch(() => {}); // tried again before the next write
    const reason = describeSystemError(error);
    if (!this.#trouble) {
      const message = `store: ${this.#directory} cannot be written: ${reason}; nothing is acked until it can`;
      this.#options.report("error", message);
    }
    this.#trouble = true;
    const groups = [group, ...this.#waiting];
    this.#waiting = [];
    this.#plannedBytes = this.#abandonSegment ? 0 : this.#segment!.committed;
    for (const { bytes, linesPromised, advances, settle } of groups) {
      this.marks.revert(advances);
      this.stats.commitsFailed++;
      this.stats.linesLost += linesPromised;
      this.#release(bytes);
      settle(error);
    }
  }

  /** Cuts off what a failed commit left behind. */
  async #mend(): Promise<void> {
    if (!this.#torn) return;
    await this.#segment!.cut();
    this.#torn = false;
  }

  async #nextSegment(): Promise<void> {
    const current = this.#segment!;
    if (current.committed > 0) {
      await this.#openSegment(current.number + 1);
      await current.close().catch(() => {}); // its lines were synced with their commits
    }
    this.#abandonSegment = false;
  }

  async #openSegment(number: number): Promise<void> {
    const segment = await Segment.open(this.#options.fileSystem, this.#directory, number);
    try {
      await this.#options.fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      await segment.close().catch(() => {});
      throw error;
    }
    this.#segment = segment;
  }

  async #openLastSegment(number: number): Promise<void> {
    await this.#openSegment(number);
    const segment = this.#segment!;
    this.stats.bytesRepaired = await segment.repairTail();
    if (this.stats.bytesRepaired > 0) {
      const cut = `${this.stats.bytesRepaired} bytes of an unfinished, unacked line`;
      this.#options.report("warn", `store: cut ${cut} off the end of ${segment.path}`);
    }
    this.#plannedBytes = segment.committed;
  }

  async #makeDirectory(): Promise<void> {
    const { fileSystem } = this.#options;
    const topmost = await fileSystem.makeDirectory(this.#directory);
    if (topmost === undefined) return;
    for (let made = this.#directory; made.length >= topmost.length; made = dirname(made)) {
      await fileSystem.syncDirectory(dirname(made));
    }
  }
}
