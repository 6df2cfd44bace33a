import { redriveProgram } from "../config/redrive-options.ts";
import type { ExitCode } from "../errors.ts";
import { createRedrive } from "../shipper.ts";
import { runCommand, type Terminal } from "./command.ts";
import { ship } from "./ship.ts";

/** The `logship redrive` command: sends dead letters again. */
export function runRedrive(terminal: Terminal): Promise<ExitCode> {
  return runCommand(redriveProgram, terminal, (settings, print, file) => {
    const { name } = redriveProgram;
    const { drainTimeoutMs } = settings;
    return ship(createRedrive(file, settings), { name, drainTimeoutMs, notes: () => [] }, terminal, print);
  });
}
