// Bytes that can be read once, from whatever standard input is. All of it but streams of other programs is read into
// buffers that are used again.

import { fstatSync, read } from "node:fs";
import { type OnReadOpts, Socket } from "node:net";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import type { Content } from "./content.ts";

const CHUNK_BYTES = 64 * 1024;
const STDIN_FD = 0;
const readFd = promisify(read);

/** A content that is read from its start to its end. `read` yields what is there, and waits for no more than one turn. */
export abstract class Pipe implements Content {
  /** Bytes taken from the input. */
  takenBytes = 0;
  /** Why the input ended, if it should not have. */
  error: unknown;
  #isEnded = false;
  #wake: (() => void) | undefined;

  /** Begins to take from the input. */
  abstract open(): void;
  /** The same as `read`, at once. */
  protected abstract readNow(target: Buffer, targetStart: number, length: number): number | Promise<number>;
  /** Takes no more from the input than it gave already. */
  abstract end(): void;
  /** Something is there that was not read. */
  protected abstract get hasMore(): boolean;

  async read(target: Buffer, targetStart: number, length: number): Promise<number> {
    // What a busy writer has for us comes in this turn, so that batches fill up; an idle one costs next to nothing.
    if (!this.hasMore && !this.#isEnded) await new Promise(setImmediate);
    return this.readNow(target, targetStart, length);
  }

  get isAtEnd(): boolean {
    return this.#isEnded && !this.hasMore;
  }

  /** Resolves when there may be more to read. */
  async change(): Promise<void> {
    if (this.#isEnded || this.hasMore) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  async close(): Promise<void> {}

  protected changed(): void {
    this.#wake?.();
  }

  protected ended(error?: unknown): void {
    this.#isEnded = true;
    this.error ??= error;
    this.changed();
  }
}

/** Any stream. */
export class StreamPipe extends Pipe {
  readonly #input: Readable;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(input: Readable) {
    super();
    this.#input = input;
  }

  open(): void {
    this.#input.on("readable", () => this.changed());
    this.#input.on("end", () => this.ended());
    this.#input.on("close", () => this.ended());
    this.#input.on("error", (error) => this.ended(error));
  }

  protected readNow(target: Buffer, targetStart: number, length: number): number {
    if (this.#chunk.length === 0) this.#take();
    const copied = this.#chunk.copy(target, targetStart, 0, length);
    this.#chunk = this.#chunk.subarray(copied);
    return copied;
  }

  end(): void {
    this.#take();
    this.ended();
    this.#input.destroy();
  }

  protected get hasMore(): boolean {
    return this.#chunk.length + this.#input.readableLength > 0;
  }

  #take(): void {
    const chunk = this.#input.read() as Buffer | null;
    if (chunk === null) return;
    this.takenBytes += chunk.length;
    this.#chunk = this.#chunk.length === 0 ? chunk : Buffer.concat([this.#chunk, chunk]);
  }
}

/** A pipe or a socket that another program writes to. */
export class SocketPipe extends Pipe {
  readonly #fd: number;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #socket: Socket | undefined;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  open(): void {
    const callback = (length: number): boolean => {
      this.takenBytes += length;
      this.#chunk = this.#buffer.subarray(0, length);
      this.changed();
      // No more until this is read.
      return false;
    };
    // Documented for connections only, but taken here as well.
    const onread = { buffer: this.#buffer, callback } as OnReadOpts;
    const options = { fd: this.#fd, readable: true, writable: false, onread };
    this.#socket = new Socket(options);
    this.#socket.on("end", () => this.ended());
    this.#socket.on("close", () => this.ended());
    this.#socket.on("error", (error) => this.ended(error));
    this.#socket.resume();
  }

  protected readNow(target: Buffer, targetStart: number, length: number): number {
    const copied = this.#chunk.copy(target, targetStart, 0, length);
    this.#chunk = this.#chunk.subarray(copied);
    if (copied > 0 && this.#chunk.length === 0) this.#socket?.resume();
    return copied;
  }

  end(): void {
    this.ended();
    this.#socket?.destroy();
  }

  protected get hasMore(): boolean {
    return this.#chunk.length > 0;
  }
}

/** A file that standard input was redirected from. */
export class FilePipe extends Pipe {
  readonly #fd: number;
  #isDone = false;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  open(): void {}

  protected async readNow(target: Buffer, targetStart: number, length: number): Promise<number> {
    if (this.#isDone) return 0;
    try {
      const { bytesRead } = await readFd(this.#fd, target, targetStart, length, null);
      this.takenBytes += bytesRead;
      if (bytesRead === 0) this.end();
      return bytesRead;
    } catch (error) {
      this.#isDone = true;
      this.ended(error);
      return 0;
    }
  }

  end(): void {
    this.#isDone = true;
    this.ended();
  }

  protected get hasMore(): boolean {
    return !this.#isDone;
  }
}

/** The process's own standard input. */
export function openStdin(): Pipe {
  const stat = fstatSync(STDIN_FD);
  if (stat.isDirectory()) throw new Error("it is a directory");
  if (stat.isFile()) return new FilePipe(STDIN_FD);
  return stat.isFIFO() || stat.isSocket() ? new SocketPipe(STDIN_FD) : new StreamPipe(process.stdin);
}
