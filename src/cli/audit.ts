import { join, resolve } from "node:path";
import { type AuditCounts, type AuditHandler, audit } from "../audit/audit.ts";
import { type AuditSettings, auditProgram } from "../config/audit-options.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { runCommand, type Terminal } from "./command.ts";
import { noState, readCheckpoint } from "./state-files.ts";

/** The `logship audit` command: findings on standard output, the sum of them at the end. */
export function runAudit(terminal: Terminal): Promise<ExitCode> {
  return runCommand(auditProgram, terminal, (settings, print) => tellAudit(settings, terminal, print));
}

async function tellAudit(
  settings: AuditSettings,
  { stdout }: Terminal,
  print: (line: string) => void,
): Promise<ExitCode> {
  const say = (line: string): void => {
    stdout.write(`${line}\n`);
  };
  const handler: AuditHandler = {
    finding: (what, path, start, end) => say(`${what} ${path} bytes ${start}-${end}`),
    unauditable: (path, why) => say(`unauditable ${path}: ${why}`),
  };
  // Before the stores: what it says is delivered is in them by then.
  const checkpoint = await readCheckpoint(settings.stateDir, print);
  if (checkpoint === undefined) throw noState(settings.stateDir);
  const deadLetterPath = join(resolve(settings.stateDir), "dead-letter.ndjson");
  const { stores } = settings;
  const counts = await audit({ stores, records: checkpoint.files, deadLetterPath, shape: settings }, handler);
  sayCounts(counts, say);
  return isClean(counts) ? EXIT.ok : EXIT.refused;
}

function isClean({ missing, repeated, altered, unexpected, unnamed }: AuditCounts): boolean {
  return missing + repeated + altered + unexpected + unnamed === 0;
}

function sayCounts(counts: AuditCounts, say: (line: string) => void): void {
  if (counts.altered > 0 || counts.unexpected > 0)
    say("altered, unexpected: or the client ran with other settings than --format, --field … given here");
  if (counts.otherEvents > 0)
    say(
      `not judged: ${counts.otherEvents} events of ${counts.otherStreams} streams that the state folder does not know`,
    );
  if (counts.withoutId > 0)
    say(
      `not judged: ${counts.withoutId} events without an id (lines that were sent with --no-id count as missing)`,
    );
  const { files, lines, unauditable, missing, repeated, altered, unexpected, unnamed, refused } = counts;
  const figures = { files, lines, unauditable, missing, repeated, altered, unexpected, unnamed, refused };
  const text = Object.entries(figures).map(([name, value]) => `${name}=${value}`);
  say(`Audit finished: ${text.join(", ")}`);
}
