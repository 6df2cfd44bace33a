import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createShipper, type Shipper, type ShipperOptions } from "../../src/shipper.ts";
import { temporaryDirectory } from "./server.ts";

/** A shipper at work on a file of its own. */
export interface Shipment {
  readonly shipper: Shipper;
  readonly logFile: string;
  readonly stateDir: string;
  /** The shipper's log so far, as `level: message`. */
  readonly log: string[];
  /** The records of the dead-letter file. */
  deadLetters(): Promise<{ time: string; reason: string; event: unknown }[]>;
}

/** Impatient enough for a test, and without ids, which differ from run to run. */
const quick = {
  noId: true,
  serverHost: "127.0.0.1",
  backoffBaseMs: 1,
  backoffMaxMs: 4,
  backoffJitter: 0,
  drainTimeoutMs: 100,
};

const noop = (): void => {};

/** Starts to ship the content to the port; what is still under way when the test is over is aborted. */
export async function startShipment(
  serverPort: number,
  content: string | Buffer,
  options: Omit<ShipperOptions, "logFile"> = {},
): Promise<Shipment> {
  const folder = await temporaryDirectory();
  const logFile = join(folder, "app.log");
  await writeFile(logFile, content);
  const settings = { ...quick, stateDir: join(folder, "state"), logFile, serverPort, ...options };
  const shipper = createShipper(settings);
  const log: string[] = [];
  shipper.on("log", (level, message) => log.push(`${level}: ${message}`));
  await shipper.start();
  // Waited for: a state folder that is removed before would leave its lock to whatever gets its inode.
  onTestFinished(() => shipper.stop().then(noop, noop));
  const deadLetters: Shipment["deadLetters"] = async () => {
    const text = await readFile(shipper.deadLetterPath, "utf8");
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  };
  return { shipper, logFile, stateDir: settings.stateDir, log, deadLetters };
}

/** `line 1`, `line 2` …: a file of so many lines. */
export function numberedLines(count: number, from = 1): string {
  return Array.from({ length: count }, (_, index) => `line ${from + index}\n`).join("");
}

/** What these lines become on the wire. */
export function numberedEvents(count: number, from = 1): string {
  return Array.from(
    { length: count },
    (_, index) => `{"level":"UNKNOWN","message":"line ${from + index}"}\n`,
  ).join("");
}
