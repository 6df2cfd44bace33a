import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type FileStat, fileStat } from "./file-stat.ts";

/** The bytes of a file, as they were written to it: a compressed copy reads as what was compressed. */
export interface Content {
  /** Reads into `target[targetStart, targetStart + length)`; 0 at the end. May read less. */
  read(target: Buffer, targetStart: number, length: number, position: number): Promise<number>;
  close(): Promise<void>;
}

/** The content of a file that is open. */
export interface OpenedContent extends Content {
  /** What is open, whatever its path names by now; the size is the one on disk. */
  stat(): Promise<FileStat>;
}

/** A file as it is. */
export class FileContent implements OpenedContent {
  readonly handle: FileHandle;

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  /** Never waits, as opening a FIFO otherwise would. */
  static async open(path: string): Promise<FileContent> {
    return new FileContent(await open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  }

  async read(target: Buffer, targetStart: number, length: number, position: number): Promise<number> {
    return (await this.handle.read(target, targetStart, length, position)).bytesRead;
  }

  async stat(): Promise<FileStat> {
    return fileStat(await this.handle.stat({ bigint: true }));
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** A gzip file, inflated while it is read. Going back starts it over, so it is meant to be read forward. */
export class GzipContent implements OpenedContent {
  readonly #handle: FileHandle;
  #stream: Readable | undefined;
  #chunks: AsyncIterator<Buffer> | undefined;
  #chunk: Buffer = Buffer.alloc(0);
  /** The position of the first byte of the chunk. */
  #chunkStart = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(path: string): Promise<GzipContent> {
    return new GzipContent(await open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  }

  async read(target: Buffer, targetStart: number, length: number, position: number): Promise<number> {
    if (this.#chunks === undefined || position < this.#chunkStart) this.#start();
    while (position >= this.#chunkStart + this.#chunk.length) {
      const next = await this.#chunks!.next();
      if (next.done === true) return 0;
      this.#chunkStart += this.#chunk.length;
      this.#chunk = next.value;
    }
    const from = position - this.#chunkStart;
    return this.#chunk.copy(target, targetStart, from, Math.min(this.#chunk.length, from + length));
  }

  async stat(): Promise<FileStat> {
    return fileStat(await this.#handle.stat({ bigint: true }));
  }

  async close(): Promise<void> {
    this.#stream?.destroy();
    await this.#handle.close();
  }

  #start(): void {
    this.#stream?.destroy();
    const file = this.#handle.createReadStream({ start: 0, autoClose: false });
    const gunzip = createGunzip({ chunkSize: 256 * 1024 });
    file.on("error", (error) => gunzip.destroy(error));
    this.#stream = file.pipe(gunzip);
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#chunk = Buffer.alloc(0);
    this.#chunkStart = 0;
  }
}

/** Some bytes of a file that tell it from others: how many they are, and their hash. */
export interface Fingerprint {
  readonly bytes: number;
  readonly sha256: string;
}

/** How many of its first bytes identify a file, once it has that many. */
export const HEAD_BYTES_MAX = 1024;
/** How many bytes before an offset are compared to tell that what was read there is still there. */
export const TAIL_BYTES_MAX = 256;

export const NO_FINGERPRINT: Fingerprint = { bytes: 0, sha256: "" };

export function fingerprint(bytes: Buffer): Fingerprint {
  if (bytes.length === 0) return NO_FINGERPRINT;
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex").slice(0, 32) };
}

/** Reads exactly `length` bytes, or fewer if the content ends before. */
export async function readFully(content: Content, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const got = await content.read(bytes, filled, length - filled, position + filled);
    if (got === 0) break;
    filled += got;
  }
  return bytes.subarray(0, filled);
}

/** True if the bytes at `position` are the ones that were fingerprinted. */
export async function hasFingerprint(
  content: Content,
  position: number,
  expected: Fingerprint,
): Promise<boolean> {
  if (expected.bytes === 0) return true;
  return fingerprint(await readFully(content, position, expected.bytes)).sha256 === expected.sha256;
}

/** What was at the head of a file, and right before the offset up to which it is known. */
export interface Position {
  readonly offset: number;
  readonly head: Fingerprint;
  readonly tail: Fingerprint;
}

/** True if the content begins as the one did that the position was taken in, up to and including its offset. */
export async function holdsPosition(content: Content, { offset, head, tail }: Position): Promise<boolean> {
  return (
    (await hasFingerprint(content, 0, head)) && (await hasFingerprint(content, offset - tail.bytes, tail))
  );
}
