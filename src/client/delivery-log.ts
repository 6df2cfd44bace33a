import { LogshipError } from "../errors.ts";
import type { Report } from "../observe/interfaces.ts";

/** Puts connections and failures into words. */
export class DeliveryLog {
  readonly #report: Report;
  readonly #attemptsMax: number;
  #isInTrouble = false;

  constructor(report: Report, attemptsMax: number) {
    this.#report = report;
    this.#attemptsMax = attemptsMax;
  }

  connected(server: string): void {
    if (this.#isInTrouble) this.#report("info", `Connected to ${server}`);
    this.#isInTrouble = false;
  }

  failed(error: Error, attempt: number, waitMs: number | undefined): void {
    this.#isInTrouble = true;
    // The run's own rejection tells why it ended; the line is the one that users of the protocol know.
    const isUnreachable = error instanceof LogshipError && error.code === "ERR_UNREACHABLE";
    if (waitMs === undefined)
      this.#report("error", isUnreachable ? "Could not connect to server, aborting" : "Giving up");
    else if (attempt === 0) this.#report("warn", `${error.message}; connecting again`);
    else {
      const of = Number.isFinite(this.#attemptsMax) ? ` of ${this.#attemptsMax}` : "";
      const next = `attempt ${attempt}${of}, the next in ${(waitMs / 1000).toFixed(1)} s`;
      this.#report("warn", `${error.message} (${next})`);
    }
  }
}
