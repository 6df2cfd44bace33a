// One life of one file: from its first byte to its truncation or deletion, under one stream, wherever it is moved.

import { randomBytes } from "node:crypto";
import type { LineEncoder } from "../event/line-encoder.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { FileRecord } from "./checkpoint.ts";
import { type Fingerprint, fingerprint, HEAD_BYTES_MAX, type OpenedContent, readFully } from "./content.ts";
import type { Cursor, Mark } from "./line-reader.ts";

/** A name for a new stream: 96 random bits, as the wire contract wants it. */
export function newStream(): string {
  return randomBytes(12).toString("base64url");
}

export class TrackedFile implements Cursor {
  readonly stream: string;
  readonly encoder: LineEncoder;
  readonly family: string;
  readonly start: number;
  path: string;
  inode: string;
  /** Where it has been encoded to. */
  position: Mark;
  /** Where it has been settled to. */
  settledMark: Mark;
  head: Fingerprint;
  seenMs: number;
  /** When its path was last looked at and named it, whatever it holds by now. */
  lookedMs: number;
  /** Its path names another file now, or none. */
  isRotated: boolean;
  /** Only at a cut, which is on disk before, does a line without a newline end. */
  readonly isComplete = false;
  cut: number | undefined;
  /** It will hardly grow any more: what is left without a newline may be cut off. */
  mayBeCut = false;
  /** It is known to be the file that was read so far, until its end is met. */
  isReading = false;
  /** When its content had last changed when it was last read, in milliseconds since 1970. */
  modifiedMs = 0;
  /** Batches that are not settled. */
  inFlight = 0;
  /** When it last grew, on the clock of `performance.now`. */
  grewMs: number = performance.now();
  sizeBytes = 0;
  /** What last went wrong with it, for people. */
  error: string | undefined;
  /** Why no content is open: nothing to read for now, or nothing left at all. */
  isLost = false;
  readonly #onSettled: () => void;
  #content: OpenedContent | undefined;

  constructor(
    record: Omit<FileRecord, "offset" | "tail" | "isInLine"> & { readonly mark: Mark },
    encoder: LineEncoder,
    onSettled: () => void,
  ) {
    this.stream = record.stream;
    this.path = record.path;
    this.family = record.family;
    this.start = record.start;
    this.inode = record.inode;
    this.head = record.head;
    this.seenMs = record.seenMs;
    this.lookedMs = record.seenMs;
    this.isRotated = record.isRotated;
    this.cut = record.cut;
    this.position = record.mark;
    this.settledMark = record.mark;
    this.encoder = encoder;
    this.#onSettled = onSettled;
  }

  get isOpen(): boolean {
    return this.#content !== undefined;
  }

  get content(): OpenedContent {
    if (this.#content === undefined) throw new Error(`${this.path} is not open`);
    return this.#content;
  }

  /** Everything that was read is settled. */
  get isSettled(): boolean {
    return this.inFlight === 0 && this.settledMark.offset === this.position.offset;
  }

  /** A file that has not grown, but was written to: its bytes may be others now. */
  mayBeRewritten(modifiedMs: number): boolean {
    return modifiedMs !== this.modifiedMs && this.modifiedMs !== 0;
  }

  /** Reads on from another content that holds the same bytes. */
  async use(content: OpenedContent): Promise<void> {
    const before = this.#content;
    this.#content = content;
    this.isReading = false;
    await before?.close();
  }

  /** What was read since was of another content. */
  takeBack(before: Mark, batch: Batch | undefined): void {
    this.position = before;
    if (this.settledMark.offset > before.offset) this.settledMark = before;
    this.isReading = false;
    batch?.drop();
  }

  async closeContent(): Promise<void> {
    await this.takeContent()?.close();
  }

  /** Gives what is open to whoever reads on from it. */
  takeContent(): OpenedContent | undefined {
    const content = this.#content;
    this.#content = undefined;
    this.isReading = false;
    return content;
  }

  began(): void {
    this.inFlight++;
  }

  settled(mark: Mark): void {
    this.inFlight--;
    this.settledMark = mark;
    this.noteSkipped();
    this.#onSettled();
  }

  /** The mark stays where it is while anything before is unsettled; it passes what was dropped with what comes next. */
  dropped(): void {
    this.inFlight--;
    this.noteSkipped();
    this.#onSettled();
  }

  /** Lines that made no event are settled as soon as nothing is in flight before them. */
  noteSkipped(): void {
    if (this.inFlight === 0) this.settledMark = this.position;
  }

  /** Takes the fingerprint of its first bytes, as many as are known for sure by now. */
  async growHead(bytesMax: number): Promise<void> {
    const bytes = Math.min(HEAD_BYTES_MAX, bytesMax);
    if (bytes <= this.head.bytes) return;
    const grown = await readFully(this.content, 0, bytes);
    // It may have been truncated since its size was taken: what is there now is no part of this life.
    const isSame = fingerprint(grown.subarray(0, this.head.bytes)).sha256 === this.head.sha256;
    if (grown.length === bytes && isSame) this.head = fingerprint(grown);
  }

  record(): FileRecord {
    const { path, family, stream, start, inode, head, isRotated, seenMs } = this;
    const { offset, isInLine, tail } = this.settledMark;
    return {
      path,
      family,
      stream,
      start,
      offset,
      isInLine,
      isRotated,
      inode,
      seenMs,
      head,
      tail: fingerprint(tail),
      ...(this.cut !== undefined && this.cut > offset ? { cut: this.cut } : {}),
    };
  }
}
