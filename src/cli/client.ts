import { type ClientSettings, clientProgram } from "../config/client-options.ts";
import type { Program } from "../config/option.ts";
import type { ExitCode } from "../errors.ts";
import { createShipper, type ShipperStats } from "../shipper.ts";
import { runCommand, type Terminal } from "./command.ts";
import { ship } from "./ship.ts";

/** The `logship` command without a further word; its help lists the commands that have one. */
export function runClient(
  terminal: Terminal,
  commands: NonNullable<Program<ClientSettings>["commands"]>,
): Promise<ExitCode> {
  const program = { ...clientProgram, commands };
  return runCommand(program, terminal, (settings, print) => {
    const { name } = program;
    const { drainTimeoutMs } = settings;
    const notes = (stats: ShipperStats): [number, string][] => notesOf(settings, stats);
    return ship(
      createShipper({ ...settings, ownLogs: [1, 2] }),
      { name, drainTimeoutMs, notes },
      terminal,
      print,
    );
  });
}

function notesOf({ unparsed }: ClientSettings, { lines }: ShipperStats): [number, string][] {
  const fate = unparsed === "skip" ? "skipped" : "shipped as they are";
  return [
    [lines.unparsed, `in no known format, ${fate}`],
    [lines.invalidUtf8, "not UTF-8: U+FFFD stands for the bad bytes"],
    [lines.split, `over the limit, split: ${lines.continued} further parts`],
  ];
}
