/** What the progress line shows. */
export interface ProgressFigures {
  /** Events settled so far. */
  readonly sent: number;
  readonly failed: number;
  readonly duplicate: number;
  readonly settledBytes: number;
  readonly sizeBytes: number;
}

const CLEAR_LINE = "\r\x1b[K";

/** One line on a terminal that is written over; nothing at all where there is no terminal. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #startMs: number;
  #isShown = false;

  constructor(stream: NodeJS.WriteStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
    this.#startMs = now();
  }

  show(figures: ProgressFigures): void {
    if (!this.#stream.isTTY) return;
    const text = progressText(figures, this.#now() - this.#startMs);
    this.#stream.write(CLEAR_LINE + text.slice(0, Math.max(20, this.#stream.columns ?? 80) - 1));
    this.#isShown = true;
  }

  /** Takes the line away, so that another can be printed. */
  clear(): void {
    if (this.#isShown) this.#stream.write(CLEAR_LINE);
    this.#isShown = false;
  }
}

/** `45% · 82.1 of 180.8 MB · 1,520,000 lines/s · 1 s left` */
export function progressText(figures: ProgressFigures, elapsedMs: number): string {
  const { settledBytes, sizeBytes } = figures;
  const lines = figures.sent + figures.failed + figures.duplicate;
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const percent = sizeBytes === 0 ? 100 : Math.min(100, Math.floor((100 * settledBytes) / sizeBytes));
  const left = settledBytes === 0 ? "…" : duration(((sizeBytes - settledBytes) * seconds) / settledBytes);
  const rate = Math.round(lines / seconds).toLocaleString("en-US");
  return `${percent}% · ${megabytes(settledBytes)} of ${megabytes(sizeBytes)} MB · ${rate} lines/s · ${left} left`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
