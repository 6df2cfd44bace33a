// A log server that kills itself, as `kill -9` does, the n-th time that it comes to a named point of its work with the
// disk once it listens: CRASH_AT=point:n. It says where it listens, and then that it dies.

import { writeSync } from "node:fs";
import { type FileSystem, nodeFileSystem, type OpenFile } from "../../src/disk/file-system.ts";
import { createLogServer } from "../../src/server/log-server.ts";

const { STORE_DIR = "", CRASH_AT = "never:0" } = process.env;
const [point, count] = CRASH_AT.split(":");
let left = Number(count);
let isUp = false;

/** The points: `<operation>` of a `segment` or of the `marks`, before, after or in the middle of it. */
function pass(passed: string): void {
  if (!isUp || passed !== point || --left > 0) return;
  writeSync(2, `dies at ${passed}\n`);
  process.kill(process.pid, "SIGKILL");
}

function crashing(file: OpenFile, kind: string): OpenFile {
  return {
    async write(buffers, position) {
      pass(`before write of ${kind}`);
      const whole = Buffer.concat(buffers);
      await file.write([whole.subarray(0, whole.length / 2)], position);
      pass(`in write of ${kind}`);
      const written = await file.write([whole], position);
      pass(`after write of ${kind}`);
      return written;
    },
    async sync() {
      await file.sync();
      pass(`after sync of ${kind}`);
    },
    read: (target, position) => file.read(target, position),
    truncate: (size) => file.truncate(size),
    size: () => file.size(),
    close: () => file.close(),
  };
}

const fileSystem: FileSystem = {
  ...nodeFileSystem,
  async open(path) {
    return crashing(await nodeFileSystem.open(path), path.endsWith(".ndjson") ? "segment" : "marks");
  },
  async rename(from, to) {
    pass("before rename of marks");
    await nodeFileSystem.rename(from, to);
    pass("after rename of marks");
  },
};

const server = createLogServer({ port: 0, storeDir: STORE_DIR, segmentBytes: 2000, fileSystem });
const { port } = await server.start();
isUp = true;
writeSync(2, `listening on ${port}\n`);
