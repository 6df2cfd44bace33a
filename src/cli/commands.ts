// The words that may stand first on the command line of `logship`. Whatever else stands there is the client's own.

import { auditProgram } from "../config/audit-options.ts";
import type { Program } from "../config/option.ts";
import { redriveProgram } from "../config/redrive-options.ts";
import { statusProgram } from "../config/status-options.ts";
import type { ExitCode } from "../errors.ts";
import { runAudit } from "./audit.ts";
import { runClient } from "./client.ts";
import type { Terminal } from "./command.ts";
import { runRedrive } from "./redrive.ts";
import { runStatus } from "./status.ts";

/** A further command of `logship`. */
export interface Command {
  /** The word that calls it. */
  readonly name: string;
  /** What it does, in a line of the help. */
  readonly does: string;
  /** Its own settings and help, whatever they are. */
  readonly program: Omit<Program<object>, "conflict">;
  /** Runs it on the command line behind its name. */
  run(terminal: Terminal): Promise<ExitCode>;
}

/** A new command is an entry here. */
export const commands: readonly Command[] = [
  {
    name: "status",
    does: "Tells how far each file is delivered, and why it does not move if it does not.",
    program: statusProgram,
    run: runStatus,
  },
  {
    name: "audit",
    does: "Names the lines that are missing from the server's store, repeated in it or altered.",
    program: auditProgram,
    run: runAudit,
  },
  {
    name: "redrive",
    does: "Sends refused lines, which are kept in a dead-letter file, again.",
    program: redriveProgram,
    run: runRedrive,
  },
];

/** The `logship` command: one of the above, or else the client. */
export function runLogship(terminal: Terminal): Promise<ExitCode> {
  const [word, ...argv] = terminal.argv;
  const command = commands.find(({ name }) => name === word);
  return command === undefined ? runClient(terminal, commands) : command.run({ ...terminal, argv });
}
