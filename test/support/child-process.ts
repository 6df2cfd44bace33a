// A program at work, for tests and scripts alike.

import { type ChildProcess, spawn } from "node:child_process";

const OUTPUT_CHARS_MAX = 256 * 1024;

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeFlags?: readonly string[];
  /** Gets what it writes to its standard error. */
  readonly onOutput?: (text: string) => void;
}

export class Program {
  readonly child: ChildProcess;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** The last that it wrote to its standard error. */
  stderr = "";
  isRunning = true;

  constructor(script: string, args: readonly string[], options: ProgramOptions = {}) {
    const { env, nodeFlags = [], onOutput = () => {} } = options;
    this.child = spawn(process.execPath, [...nodeFlags, script, ...args], {
      env: { ...inherited(), ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      onOutput(text);
      this.stderr = (this.stderr + text).slice(-OUTPUT_CHARS_MAX);
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code, signal) => {
        this.isRunning = false;
        resolve(code ?? signal!);
      });
    });
  }

  /** Waits until its standard error matches; rejects if it ends before. */
  says(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = this.stderr.match(pattern);
        if (match !== null) resolve(match);
      };
      this.child.stderr!.on("data", look);
      this.child.on("close", () => reject(new Error(`it never said ${pattern}, but: ${this.stderr}`)));
      look();
    });
  }

  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Nothing of the surroundings but what Node and c8 need. */
function inherited(): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "NODE_V8_COVERAGE"];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
