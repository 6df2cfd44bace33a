import { resolve } from "node:path";
import { type ServerSettings, serverProgram } from "../config/server-options.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { createLogServer } from "../server/log-server.ts";
import { onStopSignal, runCommand, type Terminal } from "./command.ts";
import { eventPrinter } from "./print-events.ts";

const durable = { disk: "on disk", write: "handed to the kernel", memory: "in memory" } as const;

/** The `logship-server` command: runs until it is told to stop. */
export function runServer(terminal: Terminal): Promise<ExitCode> {
  return runCommand(serverProgram, terminal, (settings, print) => serve(settings, terminal, print));
}

async function serve(
  settings: ServerSettings,
  terminal: Terminal,
  print: (line: string) => void,
): Promise<ExitCode> {
  const { print: printsEvents, ...options } = settings;
  const server = createLogServer(options);
  server.on("log", (level, message) => print(level === "warn" ? `warning: ${message}` : message));
  if (printsEvents) server.on("stored", eventPrinter(terminal.stdout));
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const ignoreSignals = onStopSignal((signal) => {
    print(
      `${signal}: acking what has arrived, at most ${settings.drainTimeoutMs / 1000} s; again to end at once`,
    );
    stop();
  });
  try {
    const { host, port } = await server.start();
    print(`storing in ${resolve(settings.storeDir)}, acking what is ${durable[settings.durability]}`);
    print(`listening on ${host.includes(":") ? `[${host}]` : host}:${port}`);
    await stopped;
    await server.stop();
    const { linesStored } = server.stats();
    print(`Server finished: stored=${linesStored}`);
    return EXIT.ok;
  } finally {
    ignoreSignals();
  }
}
