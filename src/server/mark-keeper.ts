// Keeps the snapshot of the marks up to date: at every new segment, after every 64 MiB, and at the end. Invariants: one
// is written at a time, and no commit or ack waits for it; it holds committed marks only, and lines on disk only. One
// that cannot be written costs the next start some reading, no more.

import { join } from "node:path";
import { describeSystemError } from "../errors.ts";
import { restoreMarks, type StorePlace } from "./mark-restore.ts";
import type { MarkTable, StorePosition } from "./marks.ts";
import { MARKS_FILE, writeMarksFile } from "./marks-file.ts";
import { segmentName } from "./segment.ts";

const MARKS_SNAPSHOT_BYTES = 64 * 1024 * 1024;

export interface MarkKeeperOptions extends StorePlace {
  /** Whether a commit syncs; where it does not, a snapshot must. */
  readonly commitsSync: boolean;
}

export class MarkKeeper {
  readonly #marks: MarkTable;
  readonly #options: MarkKeeperOptions;
  #isOpen = false;
  /** What the last snapshot covers that is on disk. */
  #saved: StorePosition | undefined;
  /** The segment in which the last attempt was made, and what the store has grown by since. */
  #segmentTried = 0;
  #grownBytes = 0;
  /** Segments before this one are on disk. */
  #segmentSynced = 0;
  #saving: Promise<void> | undefined;
  #trouble = false;

  constructor(marks: MarkTable, options: MarkKeeperOptions) {
    this.#marks = marks;
    this.#options = options;
  }

  /** Brings the marks back. What took a scan of the whole store is saved at once. */
  async open(): Promise<void> {
    this.#saved = await restoreMarks(this.#marks, this.#options);
    const { segment } = this.#marks.position;
    this.#segmentTried = segment;
    this.#segmentSynced = segment;
    this.#isOpen = true;
    if (this.#saved === undefined && this.#isBehind) void this.#save();
  }

  /** The store has grown by a commit. */
  grown(bytes: number): void {
    this.#grownBytes += bytes;
    this.#saveIfDue();
  }

  /** Saves what is not saved yet. Never rejects. */
  async close(): Promise<void> {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    await this.#saving;
    if (wasOpen && this.#isBehind) await this.#save();
  }

  get #isBehind(): boolean {
    const { segment, offset } = this.#marks.position;
    if (this.#saved === undefined) return segment > 1 || offset > 0;
    return segment !== this.#saved.segment || offset !== this.#saved.offset;
  }

  #saveIfDue(): void {
    if (!this.#isOpen || this.#saving !== undefined) return;
    const isInNextSegment = this.#marks.position.segment !== this.#segmentTried;
    if (isInNextSegment || this.#grownBytes >= MARKS_SNAPSHOT_BYTES) void this.#save();
  }

  #save(): Promise<void> {
    this.#saving = this.#write()
      .then(
        () => {
          this.#trouble = false;
        },
        (error) => this.#reportOnce(error),
      )
      .then(() => {
        this.#saving = undefined;
        this.#saveIfDue();
      });
    return this.#saving;
  }

  async #write(): Promise<void> {
    await new Promise(setImmediate); // the acks of the commit go out first
    const snapshot = this.#marks.snapshot();
    const { position } = snapshot;
    this.#segmentTried = position.segment;
    this.#grownBytes = 0;
    if (!this.#options.commitsSync) await this.#syncUpTo(position.segment);
    await writeMarksFile(this.#options.fileSystem, this.#options.directory, snapshot);
    this.#saved = position;
  }

  async #syncUpTo(last: number): Promise<void> {
    for (let segment = this.#segmentSynced; segment <= last; segment++) {
      const file = await this.#options.fileSystem.open(join(this.#options.directory, segmentName(segment)));
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      this.#segmentSynced = segment;
    }
  }

  #reportOnce(error: unknown): void {
    if (this.#trouble) return;
    this.#trouble = true;
    const cannot = `${MARKS_FILE} cannot be written: ${describeSystemError(error)}`;
    this.#options.report("warn", `store: ${cannot}; the next start must read more of the store`);
  }
}
