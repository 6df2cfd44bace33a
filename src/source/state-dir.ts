// The state directory: one client at a time, and a checkpoint that is never half written.
//
// Invariant: at every moment `checkpoint.json` or, if that is missing, `checkpoint.previous.json` is whole and on disk.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type DirectoryLock, lockDirectory } from "../disk/dir-lock.ts";
import type { FileSystem } from "../disk/file-system.ts";
import { ConfigError, describeSystemError, LogshipError } from "../errors.ts";
import type { Report } from "../observe/interfaces.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

export const CHECKPOINT = "checkpoint.json";
export const PREVIOUS_CHECKPOINT = "checkpoint.previous.json";
const TEMPORARY = "checkpoint.json.tmp";

export class StateDirectory {
  readonly path: string;
  readonly #fileSystem: FileSystem;
  readonly #report: Report;
  #lock: DirectoryLock | undefined;
  #saving: Promise<void> = Promise.resolve();
  #savedText = "";

  constructor(path: string, fileSystem: FileSystem, report: Report) {
    this.path = resolve(path);
    this.#fileSystem = fileSystem;
    this.#report = report;
  }

  /**
   * Makes and locks the directory and reads the checkpoint; undefined if there never was one. Rejects with a
   * `ConfigError` if the directory cannot be used, with `ERR_LOCKED` (75) if another client has it.
   */
  async open(): Promise<Checkpoint | undefined> {
    try {
      await this.#fileSystem.makeDirectory(this.path);
      this.#lock = await lockDirectory(this.path, "state", this.#fileSystem);
      return await this.#load();
    } catch (error) {
      await this.close();
      if (error instanceof LogshipError) throw error;
      const why = describeSystemError(error);
      throw new ConfigError(
        `the state folder ${this.path} cannot be used: ${why}; name another with --state-dir`,
        {
          cause: error,
        },
      );
    }
  }

  /** Writes the checkpoint; when it resolves, it is on disk. Rejects if that fails; the one before is kept then. */
  save(checkpoint: Checkpoint): Promise<void> {
    const saving = this.#saving.catch(() => {}).then(() => this.#write(checkpoint));
    this.#saving = saving;
    return saving;
  }

  async close(): Promise<void> {
    await this.#saving.catch(() => {});
    await this.#lock?.release();
    this.#lock = undefined;
  }

  async #load(): Promise<Checkpoint | undefined> {
    let isFirstRun = true;
    for (const name of [CHECKPOINT, PREVIOUS_CHECKPOINT]) {
      const path = join(this.path, name);
      try {
        const checkpoint = decodeCheckpoint(await readFile(path, "utf8"));
        if (!isFirstRun) this.#report("warn", `${path} is used instead`);
        return checkpoint;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
        isFirstRun = false;
        const why = describeSystemError(error).replace(/\s+/g, " ");
        // Put aside, for whoever wants to know, and so that it never takes the place of the one before it.
        await this.#fileSystem.rename(path, `${path}.damaged`);
        this.#report("error", `${path} cannot be read (${why}), it is kept as ${name}.damaged`);
      }
    }
    if (isFirstRun) return undefined;
    this.#report("error", "no checkpoint is left: every file is shipped from its beginning, under new ids");
    return { destination: "", files: [] };
  }

  async #write(checkpoint: Checkpoint): Promise<void> {
    const text = encodeCheckpoint(checkpoint, new Date());
    const content = text.slice(text.indexOf(',"destination"'));
    if (content === this.#savedText) return;
    const temporary = join(this.path, TEMPORARY);
    const file = await this.#fileSystem.open(temporary);
    try {
      await file.truncate(0);
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += await file.write([bytes.subarray(at)], at);
      await file.sync();
    } finally {
      await file.close();
    }
    // After a crash between the two the previous one is read.
    await this.#keepPrevious();
    await this.#fileSystem.rename(temporary, join(this.path, CHECKPOINT));
    await this.#fileSystem.syncDirectory(this.path);
    this.#savedText = content;
  }

  async #keepPrevious(): Promise<void> {
    try {
      await this.#fileSystem.rename(join(this.path, CHECKPOINT), join(this.path, PREVIOUS_CHECKPOINT));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
