import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { lockDirectory } from "../../src/disk/dir-lock.ts";
import { nodeFileSystem } from "../../src/disk/file-system.ts";
import { temporaryDirectory } from "../support/server.ts";

test("one holder a directory and purpose, until it releases", async () => {
  const directory = await temporaryDirectory();
  const first = await lockDirectory(directory, "store", nodeFileSystem);
  expect(first.supported).toBe(process.platform === "linux");
  await expect(lockDirectory(`${directory}/.`, "store", nodeFileSystem)).rejects.toMatchObject({
    code: "ERR_LOCKED",
    exitCode: 75,
    message: `${directory}/. is in use by another running process; stop it, or name another store folder`,
  });
  const other = await lockDirectory(directory, "state", nodeFileSystem);
  await first.release();
  await first.release();
  const second = await lockDirectory(directory, "store", nodeFileSystem);
  await Promise.all([second.release(), other.release()]);
});

test("a lock that is given back in a moment is waited for: a child that is being started may have a copy", async () => {
  const directory = await temporaryDirectory();
  const first = await lockDirectory(directory, "store", nodeFileSystem);
  const identity = await nodeFileSystem.identity(directory);
  const waiting = lockDirectory(directory, "store", { identity: async () => identity });
  waiting.catch(() => {});
  // By then it has tried once.
  await new Promise(setImmediate);
  await first.release();
  await (await waiting).release();
});

test("kill -9 releases it", async () => {
  const directory = await temporaryDirectory();
  const identity = await nodeFileSystem.identity(directory);
  const script = `require("net").createServer().listen({ path: "\\0logship-store-${identity}" }, () => console.log("held"))`;
  const holder = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  await expect(lockDirectory(directory, "store", nodeFileSystem)).rejects.toThrow("is in use");
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const lock = await lockDirectory(directory, "store", nodeFileSystem);
  await lock.release();
});

test("a directory that is not there cannot be locked", async () => {
  const directory = await temporaryDirectory();
  await expect(lockDirectory(`${directory}/missing`, "store", nodeFileSystem)).rejects.toThrow("ENOENT");
});
