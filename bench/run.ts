// `make bench`: ships the seeded workload, from process start to the last line durable and acked, side by side with
// what the machine can do at all. Prints a table and writes it to bench/RESULTS.md.

import { existsSync } from "node:fs";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { MeasuredProcess, storedLines, timeCommand, type Usage } from "./processes.ts";
import { writeWorkload } from "./workload.ts";

const LINES = 2_000_000;
const SEED = 20240115;
const RUNS = 5;
const root = join(import.meta.dirname, "../..");
const dir = join(root, ".run/bench");
const logFile = join(dir, `workload-${LINES}-${SEED}.log`);

interface Run {
  readonly seconds: number;
  readonly client?: Usage;
  readonly server?: Usage;
}

interface Variant {
  readonly name: string;
  run(): Promise<Run>;
}

const variants: readonly Variant[] = [
  { name: "logship, plain", run: () => ship([]) },
  { name: "logship, gzip frames", run: () => ship(["--compress"]) },
  {
    name: "limit: gzip -1",
    run: async () => ({ seconds: await timeCommand("gzip", ["-1", "-c", logFile]) }),
  },
  { name: "limit: wc -l", run: async () => ({ seconds: await timeCommand("wc", ["-l", logFile]) }) },
];

/** One client against one fresh server; the store is counted afterwards. */
async function ship(flags: readonly string[]): Promise<Run> {
  const storeDir = join(dir, "store");
  const stateDir = join(dir, "state");
  await rm(storeDir, { recursive: true, force: true });
  await rm(stateDir, { recursive: true, force: true });
  const serverArgs = ["--server-port", "0", "--store-dir", storeDir];
  const server = new MeasuredProcess("server-main.js", serverArgs, join(dir, "server-usage.json"));
  const port = (await server.line(/^listening on .*:(\d+)$/))[1]!;
  const clientArgs = ["--log-file", logFile, "--server-port", port, "--state-dir", stateDir, ...flags];
  const clientProcess = new MeasuredProcess("main.js", clientArgs, join(dir, "client-usage.json"));
  await clientProcess.line(/^Shipper finished: sent=2000000, failed=0, duplicate=0$/);
  const client = await clientProcess.finished();
  server.kill();
  const serverUsage = await server.finished();
  const lines = await storedLines(storeDir);
  if (lines !== LINES) throw new Error(`${lines} lines are in the store, not ${LINES}`);
  await rm(storeDir, { recursive: true });
  return { seconds: client.seconds, client, server: serverUsage };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function table(runs: ReadonlyMap<string, readonly Run[]>, bytes: number): string {
  const yardstick = median(runs.get("limit: gzip -1")!.map(({ seconds }) => seconds));
  const rows = [...runs].map(([name, all]) => {
    const seconds = median(all.map((run) => run.seconds));
    const of = (pick: (run: Run) => number | undefined, format: (value: number) => string): string =>
      all.every((run) => pick(run) !== undefined) ? format(median(all.map((run) => pick(run)!))) : "–";
    const cpu = (value: number): string => ((value / LINES) * 1e6).toFixed(2);
    const rss = (value: number): string => (value / 1e6).toFixed(0);
    return [
      name,
      seconds.toFixed(2),
      (LINES / seconds / 1e6).toFixed(2),
      (bytes / seconds / 1e6).toFixed(0),
      (seconds / yardstick).toFixed(2),
      of(({ client }) => client?.cpuSeconds, cpu),
      of(({ server }) => server?.cpuSeconds, cpu),
      of(({ client }) => client?.rssBytesMax, rss),
      of(({ server }) => server?.rssBytesMax, rss),
    ];
  });
  const head = [
    "variant",
    "seconds",
    "M lines/s",
    "MB/s",
    "time ÷ gzip -1",
    "client CPU s / M lines",
    "server CPU s / M lines",
    "client peak MB",
    "server peak MB",
  ];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const format = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [format(head), rule, ...rows.map(format)].join("\n");
}

async function prepare(): Promise<number> {
  await mkdir(dir, { recursive: true });
  if (!existsSync(logFile)) {
    say(`writing the workload, ${LINES} lines`);
    await writeWorkload(`${logFile}.part`, LINES, SEED);
    await rename(`${logFile}.part`, logFile);
  }
  return (await stat(logFile)).size;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const bytes = await prepare();
const runs = new Map<string, Run[]>(variants.map(({ name }) => [name, []]));
for (let round = 1; round <= RUNS; round++) {
  for (const { name, run } of variants) {
    const result = await run();
    runs.get(name)!.push(result);
    say(`run ${round} of ${RUNS}: ${name}: ${result.seconds.toFixed(2)} s`);
  }
}
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release().split(".", 1)[0]}, Node ${process.version}`;
const intro =
  `${LINES.toLocaleString("en-US")} lines, ${(bytes / 1e6).toFixed(1)} MB, seed ${SEED}; medians of ${RUNS} runs in turn; ` +
  "from process start to the last line durable (fdatasync) and acked.";
const text = table(runs, bytes);
say(`\n${text}\n\n${machine}`);
await writeFile(join(root, "bench/RESULTS.md"), `# Benchmark results\n\n${intro}\n\n${machine}\n\n${text}\n`);
