import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { onTestFinished } from "vitest";

/** What a child process left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script at work; it is killed when the test is over. */
export interface RunningNode {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Waits until its standard error matches, and returns the match; rejects if the process ends before. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
}

export interface RunOptions extends Pick<SpawnOptions, "cwd" | "uid" | "gid"> {
  readonly env?: Readonly<Record<string, string>>;
  /** A pipe for standard input; nothing if left out. */
  readonly stdin?: "pipe";
}

/** Runs a script to its end, with nothing of the surrounding environment but what Node and c8 need. */
export function runNode(
  script: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return launch(script, args, options).finished;
}

/** The same, for a test that does something meanwhile. */
export function startNode(script: string, args: readonly string[], options: RunOptions = {}): RunningNode {
  const running = launch(script, args, options);
  onTestFinished(() => {
    running.child.kill("SIGKILL");
  });
  return running;
}

function launch(script: string, args: readonly string[], options: RunOptions): RunningNode {
  const { stdin = "ignore", ...rest } = options;
  const child = spawn(process.execPath, [script, ...args], {
    ...rest,
    env: { ...bareEnvironment(), ...options.env },
    stdio: [stdin, "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  const says = (pattern: RegExp): Promise<RegExpMatchArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = stderr.match(pattern);
        if (match !== null) resolve(match);
      };
      child.stderr!.on("data", look);
      child.on("close", () => reject(new Error(`it never said ${pattern}, but ${JSON.stringify(stderr)}`)));
      look();
    });
  return { child, finished, says };
}

function bareEnvironment(): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "NODE_V8_COVERAGE"];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
