// The delivered part of one file, made into events again as the client made them.

import { describeSystemError } from "../errors.ts";
import { LineEncoder, type LineEncoderOptions } from "../event/line-encoder.ts";
import { BATCH_BYTES_MAX, type Batch, SlabPool } from "../pipeline/batch.ts";
import type { FileRecord } from "../source/checkpoint.ts";
import type { Content } from "../source/content.ts";
import { type Cursor, LineReader, type Mark } from "../source/line-reader.ts";
import { findMoved, openContent, openIfSame } from "../source/rotation.ts";

/** How the client made events of lines. */
export interface EventShape extends Pick<LineEncoderOptions, "unparsed" | "lineBytesMax"> {
  readonly format: LineEncoderOptions["rules"]["format"];
  readonly fields: ReadonlyMap<string, string>;
  /** The name of the field that holds the file's path, if one does. */
  readonly fileField: string | undefined;
}

const ALL = Number.POSITIVE_INFINITY;

/** One record of a checkpoint, and where the content is that it tells of. */
export class Life {
  readonly record: FileRecord;
  readonly path: string;
  readonly #shape: EventShape;

  private constructor(record: FileRecord, path: string, shape: EventShape) {
    this.record = record;
    this.path = path;
    this.#shape = shape;
  }

  /**
   * Looks for the content of a record at its path, and where rotation may have put it. Rejects with an `Error` that says
   * why it cannot be read, if that is so.
   */
  static async find(record: FileRecord, shape: EventShape): Promise<Life> {
    let why = "its content is neither there nor where rotation puts it";
    const there = await openIfSame(record.path, record).catch((error) => {
      if (error.code !== "ENOENT") why = describeSystemError(error);
      return undefined;
    });
    if (there !== undefined) {
      await there.close();
      return new Life(record, record.path, shape);
    }
    const moved = await findMoved(record.family, record.inode, record);
    if (moved === undefined) throw new Error(why);
    await moved.content.close();
    return new Life(record, moved.sibling.path, shape);
  }

  /** Opens the content to make events of it, as many at a time as fit. */
  walk(): Promise<Walk> {
    return this.#walk(ALL);
  }

  /** The same, one event at a time. */
  walkByEvent(): Promise<Walk> {
    return this.#walk(1);
  }

  async #walk(batchEventsMax: number): Promise<Walk> {
    const { format, fields, fileField, unparsed, lineBytesMax } = this.#shape;
    const { stream, family, start, offset } = this.record;
    const allFields = fileField === undefined ? fields : new Map([...fields, [fileField, family]]);
    const rules = { format, fields: allFields };
    const encoder = new LineEncoder({ rules, unparsed, lineBytesMax, stream });
    const reader = new LineReader({ batchEventsMax, lineBytesMax }, new SlabPool(BATCH_BYTES_MAX));
    const position: Mark = { offset: start, isInLine: false, tail: Buffer.alloc(0) };
    return new Walk(await openContent(this.path), encoder, reader, position, offset);
  }
}

/** Goes through a file from one position to another, as if the file ended there. */
export class Walk implements Cursor {
  readonly content: Content;
  readonly encoder: LineEncoder;
  readonly isComplete = true;
  position: Mark;
  /** Where it ends. */
  end: number;
  readonly #opened: Content;
  readonly #reader: LineReader;

  constructor(opened: Content, encoder: LineEncoder, reader: LineReader, position: Mark, end: number) {
    this.encoder = encoder;
    this.position = position;
    this.end = end;
    this.#opened = opened;
    this.#reader = reader;
    this.content = {
      read: (target, targetStart, length, at) =>
        this.end <= at
          ? Promise.resolve(0)
          : opened.read(target, targetStart, Math.min(length, this.end - at), at),
      close: () => opened.close(),
    };
  }

  /** The next events; undefined at the end. Their bytes are overwritten by the next call. */
  async next(): Promise<Batch | undefined> {
    const batch = await this.#reader.read(this);
    batch?.release();
    return batch;
  }

  /** Goes on from another position, to another end. */
  turnTo(position: Mark, end: number): void {
    this.#reader.forget(this);
    this.position = position;
    this.end = end;
  }

  began(): void {}

  settled(): void {}

  dropped(): void {}

  close(): Promise<void> {
    return this.#opened.close();
  }
}
