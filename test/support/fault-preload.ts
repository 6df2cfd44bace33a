// Loaded into a program with `node --import`, so that it dies, or meets an error of the system, at a call that is named
// by FAULT: no code that ships knows of it.

import { promises as fs } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net, { Socket } from "node:net";
import type { Fault } from "./fault.ts";

type Method = (...args: unknown[]) => unknown;
/** What a method belongs to, as something to put another method into. */
type Methods = Record<string, Method>;

const fault = JSON.parse(process.env.FAULT ?? "{}") as Fault;
const { call, path = "", nth = 1, when = "before", times = 1, error } = fault;
const paths = new WeakMap<object, string>();
let calls = 0;

/** True if a call is the one, or one of those, that the fault strikes at. */
function isStruck(name: Fault["call"], at: string): boolean {
  if (name !== call || !at.includes(path)) return false;
  calls++;
  return calls >= nth && calls < nth + times;
}

/** Never returns. */
function strike(name: string): never {
  if (error !== undefined) throw Object.assign(new Error(`${error}: staged, ${name}`), { code: error });
  process.kill(process.pid, "SIGKILL");
  for (;;); // the signal is on its way
}

function wrap(
  owner: Methods,
  name: string,
  as: Fault["call"],
  pathOf: (self: object, args: unknown[]) => string,
): void {
  const original = owner[name]!;
  owner[name] = function (this: object, ...args: unknown[]): unknown {
    if (!isStruck(as, pathOf(this, args))) return original.apply(this, args);
    if (when === "before" && (as === "send" || as === "ack")) return strike(name);
    if (when === "before") return Promise.resolve().then(() => strike(name));
    const result = original.apply(this, args);
    return result instanceof Promise ? result.then(() => strike(name)) : strike(name);
  };
}

const files = fs as unknown as Methods;
const open = files.open!;
files.open = async (...args: unknown[]): Promise<unknown> => {
  const handle = (await open.apply(fs, args)) as object;
  paths.set(handle, String(args[0]));
  return handle;
};
wrap(files, "open", "open", (_, [at]) => String(at));
wrap(files, "rename", "rename", (_, [from, to]) => `${from} -> ${to}`);
const probe = await fs.open("/dev/null");
const handles = Object.getPrototypeOf(probe) as Methods;
await probe.close();
const pathOf = (handle: object): string => paths.get(handle) ?? "";
wrap(handles, "writev", "write", pathOf);
wrap(handles, "datasync", "sync", pathOf);
wrap(handles, "sync", "sync", pathOf);
wrap(handles, "read", "read", pathOf);

const sockets = Socket.prototype as unknown as Methods;
const isOutgoing = (socket: object): string => ((socket as Socket).remotePort === undefined ? "" : "tcp");
wrap(sockets, "write", "send", isOutgoing);
const network = net as unknown as Methods;
const connect = network.connect!;
network.connect = (...args: unknown[]): unknown => {
  const { onread } = args[0] as { onread?: Methods };
  if (onread !== undefined) wrap(onread, "callback", "ack", () => "tcp");
  return connect.apply(net, args);
};
syncBuiltinESMExports();
