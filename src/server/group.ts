import { type Advances, NO_ADVANCES } from "./marks.ts";

/** The appends of one commit. They belong to one segment and share one promise. */
export class Group {
  readonly startsSegment: boolean;
  readonly buffers: Buffer[] = [];
  bytes = 0;
  lines = 0;
  linesPromised = 0;
  #advances: Map<string, number> | undefined;
  settle!: (error?: unknown) => void;
  readonly done: Promise<void>;

  constructor(startsSegment: boolean) {
    this.startsSegment = startsSegment;
    this.done = new Promise((resolve, reject) => {
      this.settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.done.catch(() => {}); // whoever appended has the promise too
  }

  /** How far the lines take their streams. */
  get advances(): Advances {
    return this.#advances ?? NO_ADVANCES;
  }

  add(buffers: readonly Buffer[], bytes: number, lines: number, advances: Advances): void {
    this.buffers.push(...buffers);
    this.bytes += bytes;
    this.lines += lines;
    if (advances.size === 0) return;
    this.#advances ??= new Map();
    for (const [stream, mark] of advances) this.#advances.set(stream, mark);
  }
}
