// What happens to log files and programs, as plain records that are drawn from a seed and can be left out one by one;
// and the interpreter that lets it happen.
//
// What may be lost, exactly: an action that destroys bytes (a rewrite, the deletion of the oldest rotated file) waits
// until the store has all of what it destroys. A rewrite waits for the client's checkpoint too: one that ends within the
// first bytes that are the same in both files cannot tell them apart. A file may be deleted, and a link pointed elsewhere, without a wait while the running client
// provably holds the file open (it has delivered a line that was written after its start); what that client has not
// delivered when it ends is lost then. And a path's first rotation waits until a line of the path is stored: before
// that, nobody can know what the rotated file once was.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { ChaosRig } from "./chaos-rig.ts";
import type { Life } from "./file-model.ts";
import { LogFile } from "./log-file.ts";

/** One action; `file` is the number of a path. */
export type Action =
  | { readonly do: "append"; readonly file: number; readonly lines: number; readonly filling: number }
  | { readonly do: "half"; readonly file: number }
  | { readonly do: "copyTruncate"; readonly file: number }
  | { readonly do: "repoint"; readonly file: number }
  | { readonly do: "dropOldest"; readonly file: number }
  | { readonly do: "rotate"; readonly file: number; readonly create: boolean; readonly keepWriter: boolean }
  | { readonly do: "appendLate"; readonly file: number; readonly lines: number }
  | { readonly do: "gzip"; readonly file: number; readonly keepTime: boolean }
  | { readonly do: "rewrite"; readonly file: number; readonly longer: boolean; readonly banner: boolean }
  | { readonly do: "remove"; readonly file: number; readonly create: boolean; readonly keepWriter: boolean }
  | { readonly do: "killClient" | "stopClient" | "startClient" }
  | { readonly do: "killServer" | "stopServer" | "startServer" }
  | { readonly do: "cut" | "settle" }
  | { readonly do: "pause"; readonly ms: number };

const file = fc.nat({ max: 4 });
/** The number of the path that is a symbolic link. */
const LINK = 4;

/** All actions, each as often as it deserves. */
export const anyAction: fc.Arbitrary<Action> = fc.oneof(
  weigh(30, {
    do: fc.constant("append"),
    file,
    lines: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 400 })),
    filling: fc.nat({ max: 5 }),
  }),
  weigh(3, { do: fc.constantFrom("half"), file }),
  weigh(8, {
    do: fc.constant("rotate"),
    file,
    create: fc.boolean(),
    keepWriter: fc.nat({ max: 4 }).map((n) => n === 0),
  }),
  weigh(4, { do: fc.constant("appendLate"), file, lines: fc.nat({ max: 30 }) }),
  weigh(4, { do: fc.constant("gzip"), file, keepTime: fc.boolean() }),
  weigh(4, { do: fc.constant("copyTruncate"), file }),
  weigh(3, { do: fc.constant("rewrite"), file, longer: fc.boolean(), banner: fc.boolean() }),
  weigh(2, { do: fc.constant("remove"), file, create: fc.boolean(), keepWriter: fc.boolean() }),
  weigh(2, { do: fc.constant("repoint"), file: fc.constant(LINK) }),
  weigh(1, { do: fc.constant("dropOldest"), file }),
  weigh(8, { do: fc.constantFrom("killClient", "killServer") }),
  weigh(3, { do: fc.constantFrom("stopClient", "stopServer") }),
  weigh(14, { do: fc.constantFrom("startClient", "startServer") }),
  weigh(6, { do: fc.constant("cut") }),
  weigh(1, { do: fc.constant("settle") }),
  weigh(12, { do: fc.constant("pause"), ms: fc.nat({ max: 60 }) }),
) as fc.Arbitrary<Action>;

function weigh(weight: number, record: Record<string, fc.Arbitrary<unknown>>): fc.WeightedArbitrary<unknown> {
  return { weight, arbitrary: fc.record(record) };
}

export class Interpreter {
  readonly counts: Map<string, number> = new Map();
  readonly #rig: ChaosRig;
  readonly #files: LogFile[];
  /** Paths of which the client has delivered something. */
  readonly #met: Set<LogFile> = new Set();

  constructor(rig: ChaosRig) {
    this.#rig = rig;
    const targetsDir = join(rig.directory, "targets");
    mkdirSync(targetsDir);
    const names = ["app.log", "web.log", "db.log", "mail.log"];
    this.#files = names.map((name) => new LogFile(rig.logsDir, name, rig.model));
    this.#files[LINK] = new LogFile(rig.logsDir, "link.log", rig.model, targetsDir);
  }

  /** Does one action. What makes no sense at that moment is left out, so that any part of a run is a run. */
  async run(action: Action): Promise<void> {
    if (this.#rig.client?.isRunning === false) await this.#rig.noteEnd();
    const log = "file" in action ? this.#files[action.file]! : undefined;
    const isDone = log === undefined ? await this.#runProgram(action) : await this.#runFile(log, action);
    this.#rig.note(`${JSON.stringify(action)}${isDone ? "" : " (left out)"}`);
    if (isDone) this.counts.set(action.do, (this.counts.get(action.do) ?? 0) + 1);
  }

  /** No action comes after this: programs close their files. */
  close(): void {
    for (const log of this.#files) log.close();
  }

  async #runProgram(action: Action): Promise<boolean> {
    const rig = this.#rig;
    if (action.do === "pause") await new Promise((resolve) => setTimeout(resolve, action.ms));
    else if (action.do === "settle") await rig.deliver();
    else if (action.do === "cut") return rig.proxy.cutAll() > 0;
    else if (action.do === "startServer") await rig.startServer();
    else if (action.do === "startClient") rig.startClient();
    else if (action.do === "killServer") await rig.killServer();
    else if (action.do === "stopServer") await rig.stopServer();
    else if (action.do === "killClient") await rig.killClient();
    else if (action.do === "stopClient") await rig.stopClient();
    return true;
  }

  async #runFile(log: LogFile, action: Action): Promise<boolean> {
    if (action.do === "append") log.append(action.lines, action.filling);
    else if (action.do === "half") log.half();
    else if (action.do === "appendLate") log.appendLate(action.lines);
    else if (action.do === "gzip") log.gzip(action);
    else if (action.do === "dropOldest") {
      const oldest = log.rotated.at(-1);
      if (oldest === undefined || !(await this.#delivered(oldest.life))) return false;
      log.dropOldest();
    } else return this.#runOnCurrent(log, action);
    return true;
  }

  /** Actions that take the file away from its path, or its bytes. */
  async #runOnCurrent(log: LogFile, action: Action): Promise<boolean> {
    const life = log.current?.life;
    if (life === undefined || (log.isLink && action.do !== "repoint")) return false;
    if (action.do === "rewrite") {
      if (life.tail !== "") log.append(1);
      if (!(await this.#delivered(life)) || !(await this.#rig.untilNoted(log.path))) return false;
      log.rewrite(action);
      return true;
    }
    if (!this.#met.has(log)) {
      if (life.lines.length === 0 || !(await this.#rig.deliver([life]))) return false;
      this.#met.add(log);
    }
    if (action.do === "remove" || action.do === "repoint") {
      const isHeld = this.#rig.isHeld(life);
      if (!isHeld && !(await this.#delivered(life))) return false;
      if (action.do === "repoint") log.repoint();
      else log.remove(action);
      if (!isHeld) life.linesRequiredMax = life.lines.length;
      if (action.do === "remove" && action.create) log.create();
    } else if (action.do === "copyTruncate") log.copyTruncate();
    else if (action.do === "rotate") log.rotate(action);
    return true;
  }

  /** Waits until the store has all of a life. A line that is half written goes with what is destroyed. */
  #delivered(life: Life): Promise<boolean> {
    return this.#rig.deliver([life]);
  }
}
