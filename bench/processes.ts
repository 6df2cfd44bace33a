import { spawn } from "node:child_process";
import { createReadStream, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ReportedUsage } from "./usage-hook.ts";

/** What one process took. */
export interface Usage {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssBytesMax: number;
}

const dist = join(import.meta.dirname, "..");
const hook = join(import.meta.dirname, "usage-hook.js");

/** Runs a command that is no Node program; its output is thrown away. Resolves with the seconds it took. */
export async function timeCommand(command: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return (performance.now() - start) / 1000;
}

/** A program of ours with its usage measured. */
export class MeasuredProcess {
  readonly #usagePath: string;
  readonly #startMs: number = performance.now();
  readonly #child;
  readonly #exit: Promise<number | null>;
  #endMs = 0;

  constructor(script: string, args: readonly string[], usagePath: string) {
    this.#usagePath = usagePath;
    this.#child = spawn(process.execPath, ["--import", hook, join(dist, script), ...args], {
      env: { PATH: process.env.PATH, LOGSHIP_BENCH_USAGE: usagePath },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#exit = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("exit", (code) => {
        this.#endMs = performance.now();
        resolve(code);
      });
    });
  }

  /** Waits for a line of stderr that the pattern matches. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for await (const text of createInterface({ input: this.#child.stderr })) {
      const match = pattern.exec(text);
      if (match !== null) {
        this.#child.stderr.resume();
        return match;
      }
    }
    throw new Error(`the process ended without saying ${pattern}`);
  }

  kill(): void {
    this.#child.kill("SIGTERM");
  }

  async finished(): Promise<Usage> {
    const code = await this.#exit;
    if (code !== 0) throw new Error(`${this.#child.spawnargs.join(" ")} ended with ${code}`);
    const used = JSON.parse(readFileSync(this.#usagePath, "utf8")) as ReportedUsage;
    return {
      seconds: (this.#endMs - this.#startMs) / 1000,
      cpuSeconds: (used.userCPUTime + used.systemCPUTime) / 1e6,
      rssBytesMax: used.rssBytesMax,
    };
  }
}

/** Counts the lines of a store: what is there, whatever anybody claims. */
export async function storedLines(storeDir: string): Promise<number> {
  let lines = 0;
  for (const name of await readdir(storeDir)) {
    if (!name.endsWith(".ndjson")) continue;
    for await (const chunk of createReadStream(join(storeDir, name), { highWaterMark: 1 << 20 })) {
      const bytes = chunk as Buffer;
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
    }
  }
  return lines;
}
