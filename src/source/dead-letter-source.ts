// Reads dead letters back: the event of each record, under an id of its own. Off the hot path, so lines become strings.

import { constants, isUtf8 } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { EXIT, LogshipError } from "../errors.ts";
import { openEventOf } from "../event/dead-letter.ts";
import { BATCH_BYTES_MAX, type Batch } from "../pipeline/batch.ts";
import type { Source } from "../pipeline/interfaces.ts";
import { unreadable } from "./input-check.ts";

export interface DeadLetterSourceOptions {
  readonly path: string;
  readonly batchEventsMax: number;
  /** The new stream of the events; undefined for events without ids. */
  readonly stream: string | undefined;
  /** Takes a line that is no record; resolves when nothing is lost if the file goes away. */
  readonly onDamaged: (line: Buffer, offset: number) => Promise<void>;
}

const READ_BYTES = 256 * 1024;
/** No record that logship writes comes near it, and no longer one could become a string. */
const RECORD_BYTES_MAX = Math.min(256 * 1024 ** 2, constants.MAX_STRING_LENGTH);
const NEWLINE = 10;

export class DeadLetterSource implements Source {
  sizeBytes = 0;
  readonly #options: DeadLetterSourceOptions;
  #file: FileHandle | undefined;
  #rest: Buffer = Buffer.alloc(0);
  /** Where in the file `#rest` begins. */
  #offset = 0;
  #settledOffset = 0;
  #unsettled = 0;
  #isStopped = false;

  constructor(options: DeadLetterSourceOptions) {
    this.#options = options;
  }

  get readBytes(): number {
    return this.#offset;
  }

  /** Every event before it is settled. */
  get settledBytes(): number {
    return this.#unsettled === 0 ? this.#offset : this.#settledOffset;
  }

  async open(): Promise<void> {
    const { path } = this.#options;
    try {
      this.#file = await open(path, "r");
      const stat = await this.#file.stat();
      if (!stat.isFile()) throw new Error("it is not a regular file");
      this.sizeBytes = stat.size;
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  async read(): Promise<Batch | undefined> {
    const { batchEventsMax } = this.#options;
    const events: Buffer[] = [];
    let bytes = 0;
    const start = this.#offset;
    while (!this.#isStopped && events.length < batchEventsMax && bytes < BATCH_BYTES_MAX) {
      const offset = this.#offset;
      const line = await this.#nextLine();
      if (line === undefined) break;
      const event = await this.#eventOf(line, offset);
      if (event === undefined) continue;
      events.push(event);
      bytes += event.length;
    }
    if (events.length === 0) return undefined;
    const end = this.#offset;
    this.#unsettled++;
    const release = (): void => {
      this.#unsettled--;
      this.#settledOffset = end;
    };
    return { bytes: Buffer.concat(events), count: events.length, start, end, release, drop: release };
  }

  stop(): void {
    this.#isStopped = true;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** The next line without its newline, which the last one may lack; undefined at the end. */
  async #nextLine(): Promise<Buffer | undefined> {
    let end = this.#rest.indexOf(NEWLINE);
    while (end < 0) {
      const searched = this.#rest.length;
      if (!(await this.#readMore())) break;
      end = this.#rest.indexOf(NEWLINE, searched);
    }
    if (end < 0 && this.#rest.length === 0) return undefined;
    const line = this.#rest.subarray(0, end < 0 ? this.#rest.length : end);
    const taken = end < 0 ? line.length : end + 1;
    this.#rest = this.#rest.subarray(taken);
    this.#offset += taken;
    return line;
  }

  /** Reads as much again as is there, so that a long record is not copied over and over. */
  async #readMore(): Promise<boolean> {
    const { path } = this.#options;
    const held = this.#rest.length;
    const position = this.#offset + held;
    if (held > RECORD_BYTES_MAX) throw noDeadLetters(path, this.#offset);
    const grown = Buffer.allocUnsafe(held + Math.max(READ_BYTES, held));
    this.#rest.copy(grown);
    try {
      const { bytesRead } = await this.#file!.read(grown, held, grown.length - held, position);
      this.#rest = grown.subarray(0, held + bytesRead);
      return bytesRead > 0;
    } catch (error) {
      throw unreadable(`${path} at byte ${position}`, error);
    }
  }

  async #eventOf(line: Buffer, offset: number): Promise<Buffer | undefined> {
    const text = line.toString();
    if (text.trim() === "") return undefined;
    const { stream, onDamaged } = this.#options;
    const event = isUtf8(line) ? openEventOf(text) : undefined;
    if (event === undefined) {
      await onDamaged(line, offset);
      return undefined;
    }
    if (stream === undefined) return Buffer.from(`${event}}\n`);
    return Buffer.from(`${event}${event === "{" ? "" : ","}"event_id":"${stream}:${offset}"}\n`);
  }
}

function noDeadLetters(path: string, offset: number): LogshipError {
  const message = `${path} at byte ${offset}: a line longer than any dead letter; this is no dead-letter file`;
  return new LogshipError("ERR_NO_INPUT", EXIT.noInput, message);
}
