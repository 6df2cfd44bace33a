// What every command that sends events does with its shipper: progress, signals, messages, exit code.

import { EXIT, type ExitCode, LogshipError } from "../errors.ts";
import { metricsLine } from "../observe/metrics.ts";
import { Progress } from "../observe/progress.ts";
import type { Shipper, ShipperStats } from "../shipper.ts";
import { onStopSignal, type Terminal } from "./command.ts";

const PROGRESS_INTERVAL_MS = 200;

export interface Shipment {
  /** The command's name, for its last word when it fails. */
  readonly name: string;
  readonly drainTimeoutMs: number;
  /** Further notes for the end of a run: so many lines, and what they were. */
  notes(stats: ShipperStats): readonly [count: number, what: string][];
}

/** Runs a shipper to its end, or to the one that a signal makes. */
export async function ship(
  shipper: Shipper,
  shipment: Shipment,
  terminal: Terminal,
  print: (line: string) => void,
): Promise<ExitCode> {
  const progress = new Progress(terminal.stderr);
  const say = (line: string): void => {
    progress.clear();
    print(line);
  };
  shipper.on("log", (level, message) => say(level === "warn" ? `warning: ${message}` : message));
  shipper.on("metrics", (metrics) => say(metricsLine(metrics)));
  await shipper.start();
  const timer = setInterval(() => progress.show(shipper.stats()), PROGRESS_INTERVAL_MS);
  const ignoreSignals = onStopSignal((signal) => {
    const seconds = shipment.drainTimeoutMs / 1000;
    say(`${signal}: finishing what was read, at most ${seconds} s; again to end at once`);
    // The end of the run is what `finished` below waits for.
    shipper.stop().catch(() => {});
  });
  let stats: ShipperStats | undefined;
  try {
    stats = await shipper.finished();
    return exitCode(stats);
  } catch (error) {
    if (!(error instanceof LogshipError)) throw error;
    say(`${shipment.name}: ${error.message}`);
    return error.exitCode;
  } finally {
    clearInterval(timer);
    ignoreSignals();
    progress.clear();
    report(shipper, shipment, stats ?? shipper.stats(), print);
  }
}

function exitCode(stats: ShipperStats): ExitCode {
  if (!stats.isComplete) return EXIT.temporary;
  return stats.failed + stats.dropped > 0 ? EXIT.refused : EXIT.ok;
}

/** The end of a run: what is worth knowing of the lines, what is undelivered, and the line that scripts look for. */
function report(
  shipper: Shipper,
  shipment: Shipment,
  stats: ShipperStats,
  print: (line: string) => void,
): void {
  const notes: [number, string][] = [
    ...shipment.notes(stats),
    [stats.failed, `refused by the server, kept in ${shipper.deadLetterPath}`],
    [stats.dropped, "dropped as the buffer was full"],
  ];
  for (const [count, what] of notes)
    if (count > 0) print(`${count} ${count === 1 ? "line" : "lines"} ${what}`);
  if (!stats.isComplete) {
    const left = Math.max(0, stats.sizeBytes - stats.settledBytes);
    print(
      `Undelivered: the last ${left} of ${stats.sizeBytes} bytes (${stats.unacked} lines read and not acked)`,
    );
  }
  print(`Shipper finished: sent=${stats.sent}, failed=${stats.failed}, duplicate=${stats.duplicate}`);
}
