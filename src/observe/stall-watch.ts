/** What is watched, and who is told. */
export interface Stalling {
  /** Something waits for an ack. */
  isWaiting(): boolean;
  began(): void;
  ended(stalledMs: number): void;
}

/** Tells once when lines have waited too long without any ack, and once when that is over. */
export class StallWatch {
  readonly #afterMs: number;
  readonly #stalling: Stalling;
  /** Since when nothing has moved, on the clock of `performance.now`. */
  #sinceMs = 0;
  #isStalled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(afterMs: number, stalling: Stalling) {
    this.#afterMs = afterMs;
    this.#stalling = stalling;
  }

  get isStalled(): boolean {
    return this.#isStalled;
  }

  start(): void {
    this.#sinceMs = performance.now();
    this.#check();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** An ack came, or the first line that waits for one. */
  moved(): void {
    const nowMs = performance.now();
    if (this.#isStalled) {
      this.#isStalled = false;
      this.#stalling.ended(nowMs - this.#sinceMs);
    }
    this.#sinceMs = nowMs;
  }

  readonly #check = (): void => {
    const stillMs = performance.now() - this.#sinceMs;
    const isDue = stillMs >= this.#afterMs;
    if (isDue && !this.#isStalled && this.#stalling.isWaiting()) {
      this.#isStalled = true;
      this.#stalling.began();
    }
    this.#timer = setTimeout(this.#check, isDue ? this.#afterMs : this.#afterMs - stillMs);
  };
}
