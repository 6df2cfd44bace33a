// A client and a server in processes of their own, a bad network between them, and a folder of log files in front.

import { mkdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ChaosProxy } from "./chaos-proxy.ts";
import { Program, type ProgramOptions } from "./child-process.ts";
import { type Fault, withFault } from "./fault.ts";
import { FileModel, type Life } from "./file-model.ts";
import { areDelivered, judge, linesDelivered, type Verdict } from "./store-oracle.ts";
import { StoreReader } from "./store-reader.ts";

const CLIENT = resolve("dist/main.js");
const SERVER = resolve("dist/server-main.js");
/** Nothing new for so long while lines are missing: they are not coming. A sweep takes ten seconds, a rest five. */
const STALLED_MS = Number(process.env.CHAOS_STALLED_MS ?? 45_000);
const POLL_MS = 10;
/** Waits short enough for a test, long enough for a busy machine. */
const IMPATIENT =
  "--backoff-base 0.02 --backoff-max 0.3 --connect-timeout 2 --ack-timeout 2 --send-timeout 2 --drain-timeout 20";

export interface RigOptions {
  /** Patterns below the folder of logs; `*.log` unless told. */
  readonly patterns?: readonly string[];
  readonly clientFlags?: readonly string[];
  readonly serverFlags?: readonly string[];
}

export class ChaosRig {
  readonly directory: string;
  readonly logsDir: string;
  readonly stateDir: string;
  readonly storeDir: string;
  readonly proxy: ChaosProxy;
  readonly model: FileModel = new FileModel();
  readonly reader: StoreReader;
  readonly counts = { clientKills: 0, clientStops: 0, serverKills: 0, serverStops: 0 };
  /** What no program should have done. */
  readonly complaints: string[] = [];
  /** What was done, and what the programs said to it. */
  readonly trace: string[] = [];
  client: Program | undefined;
  server: Program | undefined;
  readonly #options: RigOptions;
  readonly #startMs = performance.now();

  private constructor(directory: string, proxy: ChaosProxy, options: RigOptions) {
    this.directory = directory;
    this.logsDir = join(directory, "logs");
    this.stateDir = join(directory, "state");
    this.storeDir = join(directory, "store");
    this.proxy = proxy;
    this.reader = new StoreReader(this.storeDir);
    this.#options = options;
    mkdirSync(this.logsDir);
  }

  static async create(options: RigOptions = {}): Promise<ChaosRig> {
    const directory = await mkdtemp(join(tmpdir(), "logship-chaos-"));
    return new ChaosRig(directory, await ChaosProxy.listen(1), options);
  }

  /** Ends everything; `keep` leaves the folder for a look at it. */
  async close({ keep = false }: { keep?: boolean } = {}): Promise<void> {
    this.proxy.close();
    await Promise.all([this.client?.end("SIGKILL"), this.server?.end("SIGKILL")]);
    if (keep) await writeFile(join(this.directory, "trace.txt"), `${this.trace.join("\n")}\n`);
    else await rm(this.directory, { recursive: true, force: true });
  }

  async startServer(fault?: Fault): Promise<Program> {
    if (this.server?.isRunning) return this.server;
    const flags = ["--server-host", "127.0.0.1", "--server-port", "0", "--store-dir", this.storeDir];
    const args = [...flags, ...(this.#options.serverFlags ?? [])];
    this.server = new Program(SERVER, args, this.#programOptions("server", fault));
    const [, port] = await this.server.says(/^listening on 127\.0\.0\.1:(\d+)$/m);
    this.proxy.targetPort = Number(port);
    return this.server;
  }

  startClient(fault?: Fault): Program {
    if (this.client?.isRunning) return this.client;
    for (const life of this.model.lives) life.linesBeforeClient = life.expected.length;
    const { patterns = ["*.log"], clientFlags = [] } = this.#options;
    const files = patterns.flatMap((pattern) => ["--log-file", join(this.logsDir, pattern)]);
    const server = ["--server-host", "127.0.0.1", "--server-port", `${this.proxy.port}`];
    const where = ["--state-dir", this.stateDir, ...server];
    const how = ["--mode", "continuous", "--start-at", "beginning", ...IMPATIENT.split(" ")];
    const args = [...how, ...where, ...files, ...clientFlags];
    this.client = new Program(CLIENT, args, this.#programOptions("client", fault));
    return this.client;
  }

  async killServer(): Promise<void> {
    if (!this.server?.isRunning) return;
    this.counts.serverKills++;
    await this.#end(this.server, "SIGKILL");
  }

  async stopServer(): Promise<void> {
    if (!this.server?.isRunning) return;
    this.counts.serverStops++;
    await this.#end(this.server, "SIGTERM");
  }

  /** Waits until the client has died, as it was expected to. */
  async clientDied(): Promise<number | NodeJS.Signals> {
    const how = await this.client!.ended;
    this.client = undefined;
    this.#noteClientDown();
    return how;
  }

  async killClient(): Promise<void> {
    if (!this.client?.isRunning) return;
    this.counts.clientKills++;
    await this.#end(this.client, "SIGKILL");
    this.#noteClientDown();
  }

  async stopClient(): Promise<void> {
    if (!this.client?.isRunning) return;
    this.counts.clientStops++;
    await this.#end(this.client, "SIGTERM");
    this.#noteClientDown();
  }

  /** How many lines of a life are stored by now. */
  delivered(life: Life): number {
    this.reader.poll();
    return linesDelivered(life, this.reader);
  }

  /** The client that runs now has the life open: it has delivered a line that was written after its start. */
  isHeld(life: Life): boolean {
    return this.client?.isRunning === true && this.delivered(life) > life.linesBeforeClient;
  }

  /** With client and server up, waits until lives are stored, all unless told. False if they do not get there. */
  async deliver(lives: readonly Life[] = this.model.lives): Promise<boolean> {
    await this.startServer();
    this.startClient();
    return this.until(() => areDelivered(lives, this.reader), { revive: true });
  }

  /** Waits until the client's checkpoint has all of the file at a path. */
  untilNoted(path: string): Promise<boolean> {
    const { size } = statSync(path);
    return this.until(() => {
      const checkpoint = readCheckpoint(this.stateDir);
      return checkpoint.some((file) => file.path === path && !file.isRotated && file.offset === size);
    });
  }

  /** Waits until something holds, of the store or anything else; false when nothing has moved for long. */
  async until(holds: () => boolean, { revive = false }: { revive?: boolean } = {}): Promise<boolean> {
    let movedAt = performance.now();
    let events = -1;
    for (;;) {
      this.reader.poll();
      if (holds()) return true;
      if (this.reader.events !== events) {
        events = this.reader.events;
        movedAt = performance.now();
      }
      if (performance.now() - movedAt > STALLED_MS) return false;
      if (revive && this.client?.isRunning === false) {
        await this.noteEnd();
        if (this.complaints.length > 3) return false;
        this.startClient();
      }
      await sleep(POLL_MS);
    }
  }

  /** The end of a run: all delivered, both programs ended in good order, the store compared with the model. */
  async finish(): Promise<Verdict> {
    this.proxy.behave();
    await this.deliver();
    await this.stopClient();
    await this.stopServer();
    const reader = new StoreReader(this.storeDir);
    reader.poll();
    const verdict = judge(this.model, reader);
    return { ...verdict, complaints: [...this.complaints, ...verdict.complaints] };
  }

  /** Notes something in the trace. */
  note(what: string): void {
    this.trace.push(`${(performance.now() - this.#startMs).toFixed(0).padStart(6)} ${what}`);
  }

  #programOptions(who: string, fault: Fault | undefined): ProgramOptions {
    const onOutput = (text: string): void => this.#hear(who, text);
    return fault === undefined ? { onOutput } : { onOutput, ...withFault(fault) };
  }

  #hear(who: string, text: string): void {
    for (const line of text.trimEnd().split("\n")) this.note(`     ${who}: ${line}`);
  }

  async #end(program: Program, signal: NodeJS.Signals): Promise<void> {
    const name = program === this.client ? "client" : "server";
    const code = await program.end(signal);
    // By the signal too: it may have come before anybody listened.
    const isTidy = code === signal || (signal === "SIGTERM" && (code === 0 || code === 75));
    if (name === "client") this.client = undefined;
    if (!isTidy)
      this.complaints.push(`the ${name} ended with ${code} on ${signal}: ${program.stderr.slice(-2000)}`);
    const bug = program.stderr.match(/^.*\b(a bug in|internal error)\b|^ +at .*$/m);
    if (bug !== null)
      this.complaints.push(`the ${name} said: ${program.stderr.slice(bug.index, bug.index! + 2000)}`);
  }

  /** A client that was not told to end and has is a fault, noted once; the run goes on to see what it has cost. */
  async noteEnd(): Promise<void> {
    const { client } = this;
    if (client === undefined || client.isRunning) return;
    this.client = undefined;
    this.complaints.push(
      `the client ended by itself with ${await client.ended}: ${client.stderr.slice(-2000)}`,
    );
    this.#noteClientDown();
  }

  /** What has no name any more is gone with the client that held it open. */
  #noteClientDown(): void {
    for (const life of this.model.lives)
      if (life.isNameless) life.linesRequiredMax = Math.min(life.linesRequiredMax, this.delivered(life));
  }
}

/** The records of the checkpoint in a state directory; none while it is being replaced. */
function readCheckpoint(stateDir: string): { path: string; isRotated: boolean; offset: number }[] {
  try {
    return JSON.parse(readFileSync(join(stateDir, "checkpoint.json"), "utf8")).files;
  } catch {
    return [];
  }
}
