// One program a directory. Node has no flock; on Linux the lock is a listening socket with an abstract name, which the
// kernel takes back when the process ends, however it ends: nothing is left behind that could block the next start.

import { connect, createServer, type Server } from "node:net";
import { EXIT, LogshipError } from "../errors.ts";
import type { FileSystem } from "./file-system.ts";

const LOCK_TRIES_MAX = 20;
const LOCK_RETRY_MS = 10;

/** A directory that is held until `release`. */
export interface DirectoryLock {
  /** False on a system without abstract sockets: nothing is locked there. */
  readonly supported: boolean;
  /** Gives the directory back. Can be called again. */
  release(): Promise<void>;
}

/**
 * Locks a directory that exists, for programs that name the same `purpose` (such as `store`). It holds within one
 * network namespace: containers that share a volume do not see each other's locks.
 * Rejects with a `LogshipError` `ERR_LOCKED`, exit code 75, when another holds it.
 */
export async function lockDirectory(
  directory: string,
  purpose: string,
  fileSystem: Pick<FileSystem, "identity">,
): Promise<DirectoryLock> {
  if (process.platform !== "linux") return { supported: false, release: async () => {} };
  const name = await socketName(directory, purpose, fileSystem);
  const server = await listenPatiently(name).catch((error) => {
    if (!isInUse(error)) throw error;
    const message = `${directory} is in use by another running process; stop it, or name another ${purpose} folder`;
    throw new LogshipError("ERR_LOCKED", EXIT.temporary, message, { cause: error });
  });
  return { supported: true, release: () => close(server) };
}

/** Whether somebody holds the lock of a directory; undefined on a system without abstract sockets. */
export async function isDirectoryLocked(
  directory: string,
  purpose: string,
  fileSystem: Pick<FileSystem, "identity">,
): Promise<boolean | undefined> {
  if (process.platform !== "linux") return undefined;
  const path = await socketName(directory, purpose, fileSystem);
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function socketName(
  directory: string,
  purpose: string,
  fileSystem: Pick<FileSystem, "identity">,
): Promise<string> {
  return `\0logship-${purpose}-${await fileSystem.identity(directory)}`;
}

/**
 * A lock that was just released may still be held for some milliseconds, by a process that this one was starting at
 * that moment: until it becomes another program, it has a copy of every descriptor.
 */
async function listenPatiently(path: string): Promise<Server> {
  for (let tries = 1; ; tries++) {
    try {
      return await listen(path);
    } catch (error) {
      if (!isInUse(error) || tries === LOCK_TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
    }
  }
}

function isInUse(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EADDRINUSE";
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen({ path, exclusive: true }, () => {
      server.off("error", reject);
      server.on("error", () => {}); // a failed accept does not loosen the lock
      server.unref();
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve()); // its one error is that it was closed before
  });
}
