// One program a directory. Node has no flock; on Linux the lock is a listening socket with an abstract name, which the
// kernel takes back when the process ends, however it ends: nothing is left behind that could block the next start.

import { createServer, type Server } from "node:net";
import { EXIT, LogshipError } from "../errors.ts";
import type { FileSystem } from "./file-system.ts";

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
  const server = await listen(`\0logship-${purpose}-${await fileSystem.identity(directory)}`).catch(
    (error) => {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      const message = `${directory} is in use by another running process; stop it, or name another ${purpose} directory`;
      throw new LogshipError("ERR_LOCKED", EXIT.temporary, message, { cause: error });
    },
  );
  return { supported: true, release: () => close(server) };
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
