// One file of the store. Invariant: bytes [0, committed) are whole lines, durable as asked for and never touched again;
// what stands behind them is a write in progress, or the remains of a failed one that `cut` removes.

import { join } from "node:path";
import { readFully, writeFully } from "../disk/file-io.ts";
import type { FileSystem, OpenFile } from "../disk/file-system.ts";

const LF = 0x0a;
const NAME = /^(\d{10})\.ndjson$/;
const SCAN_BLOCK_BYTES = 64 * 1024;

/** The name of a segment file. Names have a fixed width, so that they sort in the order written. */
export function segmentName(number: number): string {
  return `${String(number).padStart(10, "0")}.ndjson`;
}

/** The numbers of the segments among the names in a store directory, in the order written. */
export function segmentNumbers(names: readonly string[]): number[] {
  const numbers = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
  return numbers.sort((one, other) => one - other);
}

export class Segment {
  readonly number: number;
  readonly path: string;
  readonly #file: OpenFile;
  #committed: number;

  private constructor(number: number, path: string, file: OpenFile, committed: number) {
    this.number = number;
    this.path = path;
    this.#file = file;
    this.#committed = committed;
  }

  /** Opens a segment, or creates it. What it holds is taken as committed. */
  static async open(fileSystem: FileSystem, directory: string, number: number): Promise<Segment> {
    const path = join(directory, segmentName(number));
    const file = await fileSystem.open(path);
    try {
      return new Segment(number, path, file, await file.size());
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  /** Bytes that are committed. */
  get committed(): number {
    return this.#committed;
  }

  /** Cuts off an unfinished line at the end, as a crash leaves it. Returns how many bytes that were. */
  async repairTail(): Promise<number> {
    const whole = await this.#endOfLastLine();
    const torn = this.#committed - whole;
    if (torn === 0) return 0;
    this.#committed = whole;
    await this.cut();
    return torn;
  }

  /** Writes lines behind the committed ones; `commit` makes them count. */
  async write(buffers: readonly Buffer[]): Promise<void> {
    await writeFully(this.#file, buffers, this.#committed);
  }

  /** Returns when everything written is on disk. */
  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Counts what was written as committed. */
  commit(bytes: number): void {
    this.#committed += bytes;
  }

  /** Removes whatever stands behind the committed bytes, on disk too. */
  async cut(): Promise<void> {
    await this.#file.truncate(this.#committed);
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #endOfLastLine(): Promise<number> {
    const block = Buffer.allocUnsafe(SCAN_BLOCK_BYTES);
    let end = this.#committed;
    while (end > 0) {
      const start = Math.max(0, end - block.length);
      const length = await readFully(this.#file, block.subarray(0, end - start), start);
      const newline = block.subarray(0, length).lastIndexOf(LF);
      if (newline !== -1) return start + newline + 1;
      end = start;
    }
    return 0;
  }
}
