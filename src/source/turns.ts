import type { TrackedFile } from "./tracked-file.ts";

/** Files that have something to read, each once. What was rotated away comes before what took its place. */
export class Turns {
  readonly #rotated: Set<TrackedFile> = new Set();
  readonly #others: Set<TrackedFile> = new Set();

  /** To the back of its row, unless it is in it. */
  add(file: TrackedFile): void {
    if (!this.#rotated.has(file) && !this.#others.has(file))
      (file.isRotated ? this.#rotated : this.#others).add(file);
  }

  /** Takes the file whose turn it is. */
  take(): TrackedFile | undefined {
    const row = this.#rotated.size > 0 ? this.#rotated : this.#others;
    const [file] = row;
    if (file !== undefined) row.delete(file);
    return file;
  }
}
