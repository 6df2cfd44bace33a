// A disk in memory, of one directory, on which everything can go wrong: each operation may take its time or fail, and a
// crash loses what no sync has covered, all of it or a part.

import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import type { FileSystem, OpenFile } from "../../src/disk/file-system.ts";

/** What an operation of a disk is: such as `write`, on the file of that name. */
export type DiskFault = (operation: string, name: string) => Promise<void>;

class Content {
  bytes: Buffer = Buffer.alloc(0);
  /** What a power cut leaves. */
  durable: Buffer = Buffer.alloc(0);
}

let processes = 0;

export class MemoryDisk {
  /** Awaited before each operation; what it throws is the operation's error. */
  fault: DiskFault = async () => {};
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  #running = 0;

  /** The disk as a new process sees it. The operations of the one before never come back. */
  start(): FileSystem {
    const running = ++processes;
    this.#running = running;
    const enter = async (operation: string, path: string): Promise<string> => {
      const name = basename(path);
      try {
        await this.fault(operation, name);
      } finally {
        if (running !== this.#running) await new Promise(() => {});
      }
      return name;
    };
    return {
      open: async (path) => this.#open(await enter("open", path), enter),
      rename: async (from, to) => this.#rename(await enter("rename", from), basename(to)),
      list: async (directory) => {
        await enter("list", directory);
        return [...this.#names.keys()];
      },
      makeDirectory: async () => undefined,
      syncDirectory: async (directory) => {
        await enter("syncDirectory", directory);
        this.#durableNames = new Map(this.#names);
      },
      identity: async () => `memory-${randomUUID()}`,
    };
  }

  /** Ends the process, as `kill -9` does. */
  kill(): void {
    this.#running = 0;
  }

  /** Ends the process and the power. Of bytes that were not synced the given share is there, or as many zeros. */
  cutPower(share: number, zeros: boolean): void {
    this.kill();
    this.#names = new Map(this.#durableNames);
    for (const content of this.#names.values()) {
      const { bytes, durable } = content;
      const kept = Math.max(0, Math.floor((bytes.length - durable.length) * share));
      const more = zeros ? Buffer.alloc(kept) : bytes.subarray(durable.length, durable.length + kept);
      content.bytes = Buffer.concat([durable, more]);
      content.durable = content.bytes;
    }
  }

  /** The lines of the store, in order, with nothing unfinished. */
  storedLines(): string[] {
    const names = [...this.#names.keys()].filter((name) => name.endsWith(".ndjson")).sort();
    const text = names.map((name) => this.#names.get(name)!.bytes.toString()).join("");
    return text.split("\n").slice(0, -1);
  }

  /** What a file holds; nothing if there is none. */
  get(name: string): Buffer {
    return this.#names.get(name)?.bytes ?? Buffer.alloc(0);
  }

  /** Makes a file, or another of it, that survives a power cut. */
  put(name: string, text: string | Buffer): void {
    const content = new Content();
    content.bytes = content.durable = Buffer.from(text as string);
    this.#names.set(name, content);
    this.#durableNames.set(name, content);
  }

  #rename(from: string, to: string): void {
    this.#names.set(to, this.#names.get(from)!);
    this.#names.delete(from);
  }

  #open(name: string, enter: (operation: string, path: string) => Promise<string>): OpenFile {
    const content = this.#names.get(name) ?? new Content();
    this.#names.set(name, content);
    return {
      async write(buffers, position) {
        const bytes = Buffer.concat(buffers);
        try {
          await enter("write", name);
        } catch (error) {
          overwrite(content, bytes.subarray(0, bytes.length / 2), position);
          throw error;
        }
        const written = bytes.subarray(0, Math.max(1, (bytes.length * 2) / 3));
        overwrite(content, written, position);
        return written.length;
      },
      async read(target, position) {
        await enter("read", name);
        return content.bytes.copy(target, 0, position);
      },
      async sync() {
        await enter("sync", name);
        content.durable = content.bytes;
      },
      async truncate(size) {
        await enter("truncate", name);
        content.bytes = Buffer.concat([content.bytes], size);
      },
      size: async () => content.bytes.length,
      close: async () => {},
    };
  }
}

function overwrite(content: Content, bytes: Buffer, position: number): void {
  const { bytes: old } = content;
  const length = Math.max(old.length, position + bytes.length);
  content.bytes = Buffer.concat(
    [old.subarray(0, position), bytes, old.subarray(position + bytes.length)],
    length,
  );
}
