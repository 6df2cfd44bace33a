import { type FileSystem, nodeFileSystem, type OpenFile } from "../../src/disk/file-system.ts";

type Operation =
  | "open"
  | "write"
  | "sync"
  | "truncate"
  | "syncDirectory"
  | "makeDirectory"
  | "rename"
  | "list"
  | "size";

/** The real file system, with faults that a test switches on and off. */
export class FaultyFileSystem implements FileSystem {
  /** Operations in the order they began, such as `write 0000000001.ndjson`. */
  readonly calls: string[] = [];
  /** Most bytes that one write takes; it then returns short. */
  writeBytesMax: number = Number.POSITIVE_INFINITY;
  readonly #faults = new Map<Operation, { code: string; left: number; partly: number }>();
  readonly #gates = new Map<Operation, { opened: Promise<void>; open: () => void }>();

  /** Makes an operation fail, so many times. A failing write may have written `partly` bytes before. */
  fail(operation: Operation, code: string, times: number = Number.POSITIVE_INFINITY, partly = 0): void {
    this.#faults.set(operation, { code, left: times, partly });
  }

  /** Nothing fails or waits any more. */
  mend(): void {
    this.#faults.clear();
    for (const operation of this.#gates.keys()) this.#release(operation);
  }

  /** Makes an operation wait until the returned function is called. */
  hold(operation: Operation): () => void {
    let open: () => void = () => {};
    this.#gates.set(operation, { opened: new Promise((resolve) => (open = resolve)), open });
    return () => this.#release(operation);
  }

  async open(path: string): Promise<OpenFile> {
    await this.#enter("open", path);
    const file = await nodeFileSystem.open(path);
    return {
      write: async (buffers, position) => {
        const whole = Buffer.concat(buffers);
        try {
          await this.#enter("write", path);
        } catch (error) {
          const partly = this.#faults.get("write")?.partly ?? 0;
          if (partly > 0) await file.write([whole.subarray(0, partly)], position);
          throw error;
        }
        return file.write([whole.subarray(0, this.writeBytesMax)], position);
      },
      sync: async () => {
        await this.#enter("sync", path);
        await file.sync();
      },
      truncate: async (size) => {
        await this.#enter("truncate", path);
        await file.truncate(size);
      },
      read: (target, position) => file.read(target, position),
      size: async () => {
        await this.#enter("size", path);
        return file.size();
      },
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#enter("rename", from);
    await nodeFileSystem.rename(from, to);
  }

  async list(directory: string): Promise<string[]> {
    await this.#enter("list", directory);
    return nodeFileSystem.list(directory);
  }

  async makeDirectory(directory: string): Promise<string | undefined> {
    await this.#enter("makeDirectory", directory);
    return nodeFileSystem.makeDirectory(directory);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#enter("syncDirectory", directory);
    await nodeFileSystem.syncDirectory(directory);
  }

  identity(directory: string): Promise<string> {
    return nodeFileSystem.identity(directory);
  }

  async #enter(operation: Operation, path: string): Promise<void> {
    this.calls.push(`${operation} ${path.slice(path.lastIndexOf("/") + 1)}`);
    await this.#gates.get(operation)?.opened;
    const fault = this.#faults.get(operation);
    if (fault === undefined || fault.left === 0) return;
    fault.left--;
    throw Object.assign(new Error(`${fault.code}: staged, ${operation}`), { code: fault.code });
  }

  #release(operation: Operation): void {
    this.#gates.get(operation)?.open();
    this.#gates.delete(operation);
  }
}
