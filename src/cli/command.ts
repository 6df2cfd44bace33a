// What both commands share: settings in, exit code out, and never a stack trace for what a person did.

import { loadSettings } from "../config/load.ts";
import type { Environment, Program } from "../config/option.ts";
import { renderHelp } from "../config/render-help.ts";
import { EXIT, type ExitCode, LogshipError } from "../errors.ts";
import { VERSION } from "../version.ts";

/** What a command may use of the process that it runs in. */
export interface Terminal {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Runs a command on its settings, or shows its help or version; turns errors into a line and an exit code. */
export async function runCommand<S>(
  program: Program<S>,
  terminal: Terminal,
  run: (settings: S, print: (line: string) => void, operand: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { stdout, stderr } = terminal;
  // Whoever reads our output may stop reading, as `| head` does: that ends the output, not the work.
  for (const stream of [stdout, stderr]) stream.on("error", () => {});
  const print = (line: string): void => {
    stderr.write(`${line}\n`);
  };
  try {
    const { settings, operand, help, version } = loadSettings(program, terminal.argv, terminal.env);
    if (version) stdout.write(`${program.name} ${VERSION}\n`);
    if (help) stdout.write(renderHelp(program, { color: usesColor(stdout, terminal.env) }));
    return help || version ? EXIT.ok : await run(settings, print, operand);
  } catch (error) {
    if (error instanceof LogshipError) {
      print(`${program.name}: ${error.message}`);
      return error.exitCode;
    }
    print(`${program.name}: a bug in ${program.name} ${VERSION}, please report it with these lines:`);
    print(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return EXIT.internal;
  }
}

/** Calls `onFirst` at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function onStopSignal(onFirst: (signal: NodeJS.Signals) => void): () => void {
  let isStopping = false;
  const handle = (signal: NodeJS.Signals): void => {
    // The exit code that a shell reports for a process that the signal killed.
    if (isStopping) process.exit(signal === "SIGINT" ? 130 : 143);
    isStopping = true;
    onFirst(signal);
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return () => {
    process.off("SIGINT", handle);
    process.off("SIGTERM", handle);
  };
}

/** See https://no-color.org: any value but an empty one turns colour off. */
export function usesColor(stream: NodeJS.WriteStream, env: Environment): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}
