// `logship status` as a person runs it, beside real clients.

import { appendFile, chmod, chown, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { FileReport, StatusReport } from "../../src/cli/interfaces.ts";
import { closedPort } from "../support/listen.ts";
import { startLogServer } from "../support/log-server.ts";
import { logship, mainScript, startLogship, tidy } from "../support/logship.ts";
import { type Finished, type RunningNode, runNode } from "../support/run-node.ts";
import { scriptedServer, staysSilent } from "../support/scripted-server.ts";
import { temporaryDirectory, until } from "../support/server.ts";

const PATIENT = ["--mode", "continuous", "--start-at", "beginning", "--no-id=false"];

/** A folder with a log and a client's state. */
class Scene {
  readonly folder: string;
  readonly log: string;
  readonly state: string;

  constructor(folder: string) {
    this.folder = folder;
    this.log = join(folder, "app.log");
    this.state = join(folder, "state");
  }

  static async with(content: string): Promise<Scene> {
    const scene = new Scene(await temporaryDirectory());
    await writeFile(scene.log, content);
    return scene;
  }

  #flags(port: number, log: string): string[] {
    return ["--state-dir", this.state, "--log-file", log, "--server-port", `${port}`];
  }

  /** Delivers the log once. */
  async deliver(port: number): Promise<void> {
    expect(await logship([...this.#flags(port, this.log), "--no-id=false"])).toMatchObject({ code: 0 });
  }

  follow(port: number, flags: string[] = [], log = this.log): Promise<RunningNode> {
    return startLogship([...this.#flags(port, log), ...PATIENT, ...flags]);
  }

  async status(...flags: string[]): Promise<Finished> {
    return tidy(await runNode(mainScript, ["status", "--state-dir", this.state, ...flags]));
  }

  async report(): Promise<StatusReport & { code: number | null }> {
    const { code, stdout } = await this.status("--json");
    return { code, ...(JSON.parse(stdout || "{}") as StatusReport) };
  }

  /** Waits until a file is in a state; returns the report that says so. */
  async reportWhen(state: string, path = this.log): Promise<StatusReport & { code: number | null }> {
    let report = await this.report();
    await until(async () => {
      if (report.files?.some((file) => file.state === state && file.path === path)) return true;
      report = await this.report();
      return false;
    });
    return report;
  }
}

const serve = async (): Promise<number> =>
  (await startLogServer(join(await temporaryDirectory(), "store"))).port;

const only = ({ files }: StatusReport): FileReport => {
  expect(files).toHaveLength(1);
  return files[0]!;
};

describe("after a run", () => {
  test("a file that was delivered whole: healthy", async () => {
    const scene = await Scene.with("one\ntwo\n");
    const port = await serve();
    await scene.deliver(port);
    const { client, ...report } = await scene.report();
    expect(report).toEqual({
      code: 0,
      stateDir: scene.state,
      isHealthy: true,
      lagBytes: 0,
      files: [
        {
          path: scene.log,
          stream: expect.stringMatching(/^[\w-]{16}$/),
          inode: expect.stringMatching(/^\d+:\d+$/),
          isRotated: false,
          sizeBytes: 8,
          readBytes: 8,
          ackedBytes: 8,
          lagBytes: 0,
          oldestSeconds: null,
          state: "delivered",
          why: "nothing new",
          error: null,
        },
      ],
    });
    expect(client).toMatchObject({ isRunning: false, server: `127.0.0.1:${port}`, isConnected: false });
    const table = await scene.status();
    expect(table).toMatchObject({ code: 0, stderr: "" });
    expect(table.stdout).toContain("client  not running, last heard of ");
    expect(table.stdout).toMatch(/app\.log +8 +8 +8 +0 +- .*delivered: nothing new$/m);
  });

  test("what comes later is undelivered, as long as no client runs", async () => {
    const scene = await Scene.with("one\n");
    await scene.deliver(await serve());
    await appendFile(scene.log, "two\n");
    const report = await scene.report();
    expect(report).toMatchObject({ code: 75, isHealthy: false, lagBytes: 4 });
    expect(only(report)).toMatchObject({
      sizeBytes: 8,
      readBytes: 4,
      ackedBytes: 4,
      oldestSeconds: expect.any(Number),
      state: "not-running",
      why: "the client is not running",
    });
  });

  test("a file that was rotated since is found, and the one that took its place is told of", async () => {
    const scene = await Scene.with("one\n");
    await scene.deliver(await serve());
    await appendFile(scene.log, "two\n");
    await rename(scene.log, `${scene.log}.1`);
    await writeFile(scene.log, "three\n");
    const { code, lagBytes, files } = await scene.report();
    expect({ code, lagBytes }).toEqual({ code: 75, lagBytes: 10 });
    expect(files).toMatchObject([
      { path: scene.log, stream: null, lagBytes: 6, state: "not-running" },
      { path: `${scene.log}.1`, isRotated: true, ackedBytes: 4, lagBytes: 4, state: "not-running" },
    ]);
  });

  test("a file that is gone, with nothing of it left to deliver: healthy", async () => {
    const scene = await Scene.with("one\n");
    await scene.deliver(await serve());
    await rm(scene.log);
    const report = await scene.report();
    expect(report.code).toBe(0);
    expect(only(report)).toMatchObject({ state: "gone", lagBytes: 0 });
  });

  test("a checkpoint that is damaged: the one before, and a warning", async () => {
    const scene = await Scene.with("one\n");
    const port = await serve();
    await scene.deliver(port);
    await appendFile(scene.log, "two\n");
    await scene.deliver(port);
    await writeFile(join(scene.state, "checkpoint.json"), '{"version":1');
    const { code, stderr } = await scene.status();
    expect(code).toBe(0); // the client itself has noted more than the older checkpoint
    expect(stderr).toMatch(/^warning: .*checkpoint\.json is damaged: /);
  });
});

describe("beside a client that runs", () => {
  test("that has met no file yet", async () => {
    const scene = new Scene(await temporaryDirectory());
    const { child } = await scene.follow(await closedPort());
    let report = await scene.report();
    await until(async () => {
      report = await scene.report();
      return report.code === 0;
    });
    expect(report).toMatchObject({ client: { isRunning: true, pid: child.pid }, files: [] });
  });

  test("everything is delivered", async () => {
    const scene = await Scene.with("one\n");
    const { child } = await scene.follow(await serve());
    const report = await scene.reportWhen("delivered");
    expect(report.code).toBe(0);
    expect(report.client).toMatchObject({ isRunning: true, pid: child.pid, connectionError: null });
    expect(report.client.lastAckAt).not.toBeNull();
  });

  test("half a line waits for its end, which is no fault", async () => {
    const scene = await Scene.with("one\nhal");
    await scene.follow(await serve());
    const report = await scene.reportWhen("partial");
    expect(report).toMatchObject({ code: 0, lagBytes: 3 });
    expect(only(report)).toMatchObject({ ackedBytes: 4, why: "its last line has no end yet" });
  });

  test("a server that cannot be reached", async () => {
    const scene = await Scene.with("one\n");
    const port = await closedPort();
    await scene.follow(port);
    const report = await scene.reportWhen("unreachable");
    expect(report.code).toBe(75);
    expect(report.client).toMatchObject({ isRunning: true, isConnected: false, lastAckAt: null });
    expect(only(report).why).toMatch(/connection refused \(ECONNREFUSED\)/);
    expect((await scene.status()).stdout).toContain("NOT HEALTHY, 4 bytes behind");
  });

  test("a server that acks nothing", async () => {
    const scene = await Scene.with("one\n");
    const { port } = await scriptedServer(staysSilent);
    await scene.follow(port, ["--stall-after", "0.05"]);
    const report = await scene.reportWhen("stalled");
    expect(report.code).toBe(75);
    expect(only(report)).toMatchObject({
      ackedBytes: 0,
      why: `127.0.0.1:${port} acks nothing`,
    });
  });

  test("a file that was read before, and that no pattern matches any more", async () => {
    const scene = await Scene.with("one\n");
    const port = await serve();
    await scene.deliver(port);
    const other = join(scene.folder, "other.log");
    await writeFile(other, "one\n");
    await appendFile(scene.log, "two\n");
    await scene.follow(port, [], other);
    const report = await scene.reportWhen("unmatched");
    expect(report.code).toBe(75);
    expect(report.files[0]).toMatchObject({ path: scene.log, lagBytes: 4 });
  });

  test("one that was killed is not taken for running, and a file that is gone with it is said to be", async () => {
    const scene = await Scene.with("one\n");
    const { child, finished } = await scene.follow(await closedPort());
    await scene.reportWhen("unreachable");
    await rm(scene.log);
    expect(only(await scene.report())).toMatchObject({ state: "unreachable", lagBytes: 4 });
    child.kill("SIGKILL");
    await finished;
    expect(await readFile(join(scene.state, "status.json"), "utf8")).toContain('"state":"running"');
    // Another process may have got its number meanwhile.
    const told = await readFile(join(scene.state, "status.json"), "utf8");
    await writeFile(join(scene.state, "status.json"), told.replace(/"pid":\d+/, `"pid":${process.pid}`));
    const report = await scene.report();
    expect(report).toMatchObject({ code: 75, client: { isRunning: false } });
    expect(only(report)).toMatchObject({ state: "gone", lagBytes: 4 });
  });

  test("a file that may not be read, until it may", async (context) => {
    const scene = await Scene.with("one\n");
    const port = await serve();
    const denied = join(scene.folder, "denied.log");
    await writeFile(denied, "secret\n", { mode: 0o000 });
    await mkdir(scene.state);
    // Root may read everything, so the client becomes nobody.
    const asNobody = process.getuid?.() === 0;
    const user = asNobody ? { uid: 65534, gid: 65534, env: { NODE_V8_COVERAGE: "" } } : {};
    for (const path of asNobody ? [scene.folder, scene.state] : []) await chown(path, 65534, 65534);
    const { code } = await runNode(mainScript, ["--version"], user);
    if (code !== 0) {
      process.stderr.write("SKIPPED: nobody cannot run logship here, so an unreadable file is not tested\n");
      context.skip();
    }
    const flags = [
      "--state-dir",
      scene.state,
      "--log-file",
      `${scene.folder}/*.log`,
      "--server-port",
      `${port}`,
    ];
    await startLogship([...flags, ...PATIENT], user);
    const report = await scene.reportWhen("unreadable", denied);
    expect(report.code).toBe(75);
    const file = report.files.find(({ path }) => path === denied);
    expect(file).toMatchObject({ lagBytes: 7, error: "permission denied (EACCES)" });
    await chmod(denied, 0o444);
    await appendFile(denied, "more\n");
    const after = await scene.reportWhen("delivered", denied);
    expect(after.code).toBe(0);
    expect(after.files.find(({ path }) => path === denied)!.error).toBeNull();
  });
});

test("a state folder that no client has used", async () => {
  const scene = await Scene.with("");
  const { code, stdout, stderr } = await scene.status();
  expect({ code, stdout }).toEqual({ code: 66, stdout: "" });
  expect(stderr).toMatch(
    /^logship status: nothing is known in the state folder .*--state-dir names another\n$/,
  );
});
