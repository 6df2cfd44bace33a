import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { Progress, type ProgressFigures, progressText } from "../../src/observe/progress.ts";

/** A stream that keeps what is written, and says that it is a terminal or is not. */
class FakeStream extends Writable {
  written = "";
  readonly isTTY: boolean;
  readonly columns: number | undefined;

  constructor(isTTY: boolean, columns?: number) {
    super();
    this.isTTY = isTTY;
    this.columns = columns;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }
}

const none: ProgressFigures = { sent: 0, failed: 0, duplicate: 0, settledBytes: 0, sizeBytes: 0 };
const half: ProgressFigures = { sent: 1000, failed: 20, duplicate: 3, settledBytes: 82e6, sizeBytes: 164e6 };

/** A progress line whose clock is a second further each time it is asked. */
function progressOn(stream: FakeStream): Progress {
  let nowMs = 5000;
  return new Progress(stream as unknown as NodeJS.WriteStream, () => {
    nowMs += 1000;
    return nowMs;
  });
}

describe("the progress line", () => {
  test.each<[string, ProgressFigures, number, string]>([
    ["at the start", { ...none, sizeBytes: 5e6 }, 100, "0% · 0.0 of 5.0 MB · 0 lines/s · … left"],
    ["half-way", half, 2000, "50% · 82.0 of 164.0 MB · 512 lines/s · 2 s left"],
    [
      "with long to go",
      { ...half, sizeBytes: 82e8 },
      2000,
      "1% · 82.0 of 8200.0 MB · 512 lines/s · 3 min 18 s left",
    ],
    ["of an empty file", none, 0, "100% · 0.0 of 0.0 MB · 0 lines/s · … left"],
    [
      "of a file that grew",
      { ...half, sizeBytes: 1e6 },
      2000,
      "100% · 82.0 of 1.0 MB · 512 lines/s · 0 s left",
    ],
    ["fast", { ...half, sent: 4_000_000 }, 1000, "50% · 82.0 of 164.0 MB · 4,000,023 lines/s · 1 s left"],
  ])("%s", (_, figures, elapsedMs, text) => {
    expect(progressText(figures, elapsedMs)).toBe(text);
  });

  test("is written over on a terminal, and taken away once", () => {
    const stream = new FakeStream(true, 100);
    const progress = progressOn(stream);
    progress.show(half);
    progress.show(half);
    progress.clear();
    progress.clear();
    const line = (rate: string, left: string): string =>
      `\r\x1b[K50% · 82.0 of 164.0 MB · ${rate} lines/s · ${left} left`;
    expect(stream.written).toBe(`${line("1,023", "1 s")}${line("512", "2 s")}\r\x1b[K`);
  });

  test.each([
    [30, 29],
    [5, 19],
  ])("on a terminal of %i columns is %i characters long", (columns, length) => {
    const stream = new FakeStream(true, columns);
    progressOn(stream).show(half);
    expect(stream.written.length).toBe("\r\x1b[K".length + length);
  });

  test("is not there without a terminal", () => {
    const stream = new FakeStream(false);
    const progress = progressOn(stream);
    progress.show(half);
    progress.clear();
    expect(stream.written).toBe("");
  });
});
