import { type StatusSettings, statusProgram } from "../config/status-options.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { runCommand, type Terminal, usesColor } from "./command.ts";
import { noState, readCheckpoint, readStatus } from "./state-files.ts";
import { statusReport } from "./status-report.ts";
import { statusTable } from "./status-table.ts";

/** The `logship status` command: it only looks, and disturbs no client. */
export function runStatus(terminal: Terminal): Promise<ExitCode> {
  return runCommand(statusProgram, terminal, (settings, print) => tellStatus(settings, terminal, print));
}

async function tellStatus(
  { stateDir, json }: StatusSettings,
  { stdout, env }: Terminal,
  print: (line: string) => void,
): Promise<ExitCode> {
  // In this order: what the client says is never behind the checkpoint that it wrote before.
  const checkpoint = await readCheckpoint(stateDir, print);
  const status = await readStatus(stateDir, print);
  if (checkpoint === undefined && status === undefined) throw noState(stateDir);
  const report = await statusReport(stateDir, checkpoint, status);
  const width = stdout.isTTY ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  const style = { width, color: usesColor(stdout, env), nowMs: Date.now() };
  stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : statusTable(report, style));
  return report.isHealthy ? EXIT.ok : EXIT.temporary;
}
