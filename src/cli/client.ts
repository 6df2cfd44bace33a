import { type ClientSettings, clientProgram } from "../config/client-options.ts";
import { EXIT, type ExitCode, LogshipError } from "../errors.ts";
import { Progress } from "../observe/progress.ts";
import { createShipper, type Shipper, type ShipperStats } from "../shipper.ts";
import { onStopSignal, runCommand, type Terminal } from "./command.ts";

const PROGRESS_INTERVAL_MS = 200;

/** The `logship` command. */
export function runClient(terminal: Terminal): Promise<ExitCode> {
  return runCommand(clientProgram, terminal, (settings, print) => ship(settings, terminal, print));
}

async function ship(
  settings: ClientSettings,
  terminal: Terminal,
  print: (line: string) => void,
): Promise<ExitCode> {
  const shipper = createShipper(settings);
  const progress = new Progress(terminal.stderr);
  shipper.on("log", (level, message) => {
    progress.clear();
    print(level === "warn" ? `warning: ${message}` : message);
  });
  await shipper.start();
  const timer = setInterval(() => progress.show(shipper.stats()), PROGRESS_INTERVAL_MS);
  const ignoreSignals = onStopSignal((signal) => {
    progress.clear();
    print(
      `${signal}: finishing what was read, at most ${settings.drainTimeoutMs / 1000} s; again to end at once`,
    );
    // The end of the run is what `finished` below waits for.
    shipper.stop().catch(() => {});
  });
  let stats: ShipperStats | undefined;
  try {
    stats = await shipper.finished();
    return exitCode(stats);
  } catch (error) {
    if (!(error instanceof LogshipError)) throw error;
    progress.clear();
    print(`${clientProgram.name}: ${error.message}`);
    return error.exitCode;
  } finally {
    clearInterval(timer);
    ignoreSignals();
    progress.clear();
    report(settings, shipper, stats ?? shipper.stats(), print);
  }
}

function exitCode(stats: ShipperStats): ExitCode {
  if (!stats.isComplete) return EXIT.temporary;
  return stats.failed > 0 ? EXIT.refused : EXIT.ok;
}

/** The end of a run: what is worth knowing of the lines, what is undelivered, and the line that scripts look for. */
function report(
  settings: ClientSettings,
  shipper: Shipper,
  stats: ShipperStats,
  print: (line: string) => void,
): void {
  const { lines } = stats;
  const unparsed = settings.unparsed === "skip" ? "skipped" : "shipped as they are";
  const notes: [number, string][] = [
    [lines.unparsed, `in no known format, ${unparsed}`],
    [lines.invalidUtf8, "not UTF-8: U+FFFD stands for the bad bytes"],
    [lines.split, `over the limit, split: ${lines.continued} further parts`],
    [stats.failed, `refused by the server, kept in ${shipper.deadLetterPath}`],
  ];
  for (const [count, text] of notes)
    if (count > 0) print(`${count} ${count === 1 ? "line" : "lines"} ${text}`);
  if (!stats.isComplete) {
    const left = Math.max(0, stats.sizeBytes - stats.settledBytes);
    print(
      `Undelivered: the last ${left} of ${stats.sizeBytes} bytes (${stats.unacked} lines read and not acked)`,
    );
  }
  print(`Shipper finished: sent=${stats.sent}, failed=${stats.failed}, duplicate=${stats.duplicate}`);
}
