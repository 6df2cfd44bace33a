// Keeps the checkpoint on disk behind the truth, but not far: news is written once a second at most, and at the end.

import { describeSystemError } from "../errors.ts";
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
      this.save().catch((error) => this.#fail(error));
    }, SAVE_INTERVAL_MS);
  }

  /** Writes the checkpoint; resolves when it is on disk. */
  async save(): Promise<void> {
    await this.#state.save({ destination: this.#destination, files: this.#records() });
    if (this.#isFailing) this.#report("info", `the checkpoint in ${this.#state.path} can be written again`);
    this.#isFailing = false;
  }

  /** The last word of a run. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.save().catch((error) => this.#fail(error));
  }

  /** Nothing is lost by it: what is delivered and not noted is sent again, and the server knows it. */
  #fail(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const why = describeSystemError(error);
    this.#report(
      "error",
      `the checkpoint in ${this.#state.path} cannot be written: ${why}; a restart sends lines again`,
    );
    this.schedule();
  }
}
