// Keeps the checkpoint on disk behind the truth, but not far: news is written once a second at most, and at the end.

import { describeSystemError, EXIT, LogshipError } from "../errors.ts";
import type { Report } from "../observe/interfaces.ts";
import type { FileRecord } from "./checkpoint.ts";
import type { StateDirectory } from "./state-dir.ts";

const SAVE_INTERVAL_MS = 1000;

export class Checkpointer {
  readonly #state: StateDirectory;
  readonly #destination: string;
  readonly #records: () => FileRecord[];
  readonly #report: Report;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;

  constructor(state: StateDirectory, destination: string, records: () => FileRecord[], report: Report) {
    this.#state = state;
    this.#destination = destination;
    this.#records = records;
    this.#report = report;
  }

  /** Something was settled. */
  schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // Nothing is lost by a failure: what is delivered and not noted is sent again, and the server knows it.
      this.save().catch(() => this.schedule());
    }, SAVE_INTERVAL_MS);
  }

  /** Writes the checkpoint; resolves when it is on disk. Rejects with a `LogshipError`, and says so once, if it cannot. */
  async save(): Promise<void> {
    const { path } = this.#state;
    try {
      await this.#state.save({ destination: this.#destination, files: this.#records() });
    } catch (error) {
      const message = `the checkpoint in ${path} cannot be written: ${describeSystemError(error)}`;
      if (!this.#isFailing) this.#report("error", `${message}; a restart sends lines again`);
      this.#isFailing = true;
      throw new LogshipError("ERR_CHECKPOINT", EXIT.temporary, message, { cause: error });
    }
    if (this.#isFailing) this.#report("info", `the checkpoint in ${path} can be written again`);
    this.#isFailing = false;
  }

  /** The last word of a run. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.save().catch(() => {});
    // A save that failed meanwhile has asked for another.
    clearTimeout(this.#timer);
  }
}
