// A dead-letter file that is sent again. The state directory's own one is set aside first, so that what is refused this
// time goes to a new one.
//
// Invariant: a record is taken out of the state directory only when its event is settled, or kept elsewhere in it.

import { constants } from "node:fs";
import { appendFile, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { describeSystemError } from "../errors.ts";
import type { Batch } from "../pipeline/batch.ts";
import { DeadLetterSource } from "../source/dead-letter-source.ts";
import { newStream } from "../source/tracked-file.ts";
import type { Extent, Input, InputContext } from "./interfaces.ts";
import { lineReaderOptions } from "./line-setup.ts";

const SET_ASIDE = ".redriving-";

export class RedriveInput implements Input {
  readonly isOpenEnded = false;
  readonly #path: string;
  readonly #context: InputContext;
  #source: DeadLetterSource | undefined;
  /** The file that is read, if it is ours to shorten and delete. */
  #ownPath: string | undefined;
  #damaged = 0;

  constructor(context: InputContext, path: string) {
    this.#context = context;
    this.#path = resolve(path);
  }

  async open(): Promise<void> {
    const { settings } = this.#context;
    this.#source = new DeadLetterSource({
      path: this.#path,
      batchEventsMax: lineReaderOptions(this.#context).batchEventsMax,
      stream: settings.noId ? undefined : newStream(),
      onDamaged: (line, offset) => this.#keepDamaged(line, offset),
    });
    await this.#source.open();
    this.#ownPath = await this.#setAside();
  }

  async read(): Promise<Batch | undefined> {
    return this.#source?.read();
  }

  stop(): void {
    this.#source?.stop();
  }

  async close(): Promise<void> {
    const { sizeBytes, settledBytes } = this.extent();
    await this.#source?.close();
    if (this.#damaged > 0) {
      const what = this.#damaged === 1 ? "line is" : "lines are";
      const where = this.#ownPath === undefined ? "left as they are" : `kept in ${this.#damagedPath}`;
      this.#context.report("warn", `${this.#damaged} ${what} no dead letter: ${where}`);
    }
    if (this.#ownPath === undefined) this.#tellRest(sizeBytes, settledBytes);
    else await this.#settleOwn(this.#ownPath, sizeBytes, settledBytes);
  }

  extent(): Extent {
    const { sizeBytes = 0, readBytes = 0, settledBytes = 0 } = this.#source ?? {};
    return { sizeBytes: Math.max(sizeBytes, readBytes), readBytes, settledBytes };
  }

  get #damagedPath(): string {
    return `${this.#context.deadLetterPath}.damaged`;
  }

  /** Gives the state directory's own file another name, and returns it; undefined for any other file. */
  async #setAside(): Promise<string | undefined> {
    const { deadLetterPath, report } = this.#context;
    if (dirname(this.#path) === dirname(deadLetterPath)) {
      const name = basename(this.#path);
      if (name.startsWith(basename(deadLetterPath) + SET_ASIDE)) return this.#path;
    }
    if (!(await isSameFile(this.#path, deadLetterPath))) return undefined;
    for (let number = 1; ; number++) {
      const aside = `${deadLetterPath}${SET_ASIDE}${number}`;
      if (!(await exists(aside))) {
        await rename(deadLetterPath, aside);
        return aside;
      }
      report("warn", `${aside} was left behind by a redrive that did not finish: redrive that, too`);
    }
  }

  async #keepDamaged(line: Buffer, offset: number): Promise<void> {
    this.#damaged++;
    this.#context.report("warn", `${this.#path} at byte ${offset}: no dead letter`);
    if (this.#ownPath !== undefined) {
      await appendFile(this.#damagedPath, Buffer.concat([line, Buffer.from("\n")]), { flush: true });
    }
  }

  #tellRest(sizeBytes: number, settledBytes: number): void {
    if (settledBytes === 0 || settledBytes >= sizeBytes) return;
    const message = `${this.#path} is done up to byte ${settledBytes}; sent again from its beginning, that part is stored twice`;
    this.#context.report("warn", message);
  }

  /** Deletes the file, or cuts off what is settled, so that the next redrive goes on there. */
  async #settleOwn(path: string, sizeBytes: number, settledBytes: number): Promise<void> {
    const { report } = this.#context;
    try {
      if (settledBytes >= sizeBytes) await unlink(path);
      else {
        if (settledBytes > 0) await cutHead(path, settledBytes);
        report("warn", `what is left to be sent again is in ${path}`);
      }
    } catch (error) {
      report("error", `${path} cannot be shortened: ${describeSystemError(error)}`);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return (await inodeOf(path)) !== undefined;
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const inode = await inodeOf(a);
  return inode !== undefined && inode === (await inodeOf(b));
}

async function inodeOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}

/** Replaces a file by what is in it from `start` on. */
async function cutHead(path: string, start: number): Promise<void> {
  const temporary = `${path}.tmp`;
  const from = await open(path, constants.O_RDONLY);
  const to = await open(temporary, "w");
  try {
    await pipeline(from.createReadStream({ start, autoClose: false }), to.createWriteStream({ flush: true }));
  } finally {
    await from.close();
  }
  await rename(temporary, path);
}
