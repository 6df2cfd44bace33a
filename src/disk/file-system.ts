// The few file operations that the store is made of, behind an interface: tests pass in a file system that fails.

import { constants, promises as fs } from "node:fs";
import { dirname } from "node:path";

/** A file opened for reading and writing at positions. */
export interface OpenFile {
  /** Writes at `position`. May write less than it was given; returns how many bytes it wrote. */
  write(buffers: readonly Buffer[], position: number): Promise<number>;
  /** Reads into `target` from `position` on. May read less; returns how many bytes it read, 0 at the end. */
  read(target: Buffer, position: number): Promise<number>;
  /** Returns when the file's content and size are on disk (fdatasync). */
  sync(): Promise<void>;
  /** Cuts the file, or extends it with zeros, to `size` bytes. */
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Errors are those of `node:fs`: with a `code` such as `ENOSPC`. */
export interface FileSystem {
  /** Opens a file, and creates it when there is none. */
  open(path: string): Promise<OpenFile>;
  /** Gives a file another name in the same directory, at once; a file that had it is gone. */
  rename(from: string, to: string): Promise<void>;
  /** The names in a directory, in no order. */
  list(directory: string): Promise<string[]>;
  /** Makes a directory and its parents. Returns the topmost that it had to make, or `undefined`. */
  makeDirectory(directory: string): Promise<string | undefined>;
  /** Returns when the directory's entries are on disk. */
  syncDirectory(directory: string): Promise<void>;
  /** What names a directory however it is spelled: device and inode. */
  identity(directory: string): Promise<string>;
}

const FILE_MODE = 0o640;

/** The file system of the machine. */
export const nodeFileSystem: FileSystem = {
  async open(path: string): Promise<OpenFile> {
    return new NodeFile(await fs.open(path, constants.O_RDWR | constants.O_CREAT, FILE_MODE));
  },

  rename(from: string, to: string): Promise<void> {
    return fs.rename(from, to);
  },

  list(directory: string): Promise<string[]> {
    return fs.readdir(directory);
  },

  makeDirectory,

  async syncDirectory(directory: string): Promise<void> {
    const handle = await fs.open(directory, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  async identity(directory: string): Promise<string> {
    const { dev, ino } = await fs.stat(directory, { bigint: true });
    return `${dev}:${ino}`;
  },
};

/**
 * Makes a directory and the parents that are missing; resolves with the topmost that it made, `undefined` if none.
 * Node's own recursive `mkdir` never returns where a parent exists and still nothing can be made in it, as in `/proc`.
 */
export async function makeDirectory(directory: string): Promise<string | undefined> {
  try {
    await fs.mkdir(directory);
    return directory;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(directory);
    if (code === "EEXIST" && (await fs.stat(directory)).isDirectory()) return undefined;
    if (code !== "ENOENT" || parent === directory) throw error;
    const topmost = await makeDirectory(parent);
    if (topmost === undefined) throw error;
    await makeDirectory(directory);
    return topmost;
  }
}

class NodeFile implements OpenFile {
  readonly #handle: fs.FileHandle;

  constructor(handle: fs.FileHandle) {
    this.#handle = handle;
  }

  async write(buffers: readonly Buffer[], position: number): Promise<number> {
    const { bytesWritten } = await this.#handle.writev(buffers, position);
    return bytesWritten;
  }

  async read(target: Buffer, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(target, 0, target.length, position);
    return bytesRead;
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
