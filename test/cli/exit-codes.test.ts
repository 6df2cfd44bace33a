import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { VERSION } from "../../src/version.ts";
import { encodePlainly, usual } from "../support/line-oracle.ts";
import { closedPort } from "../support/listen.ts";
import { lastLine, logship, mainScript, tidy } from "../support/logship.ts";
import { runNode } from "../support/run-node.ts";
import { acksLines, type Script, scriptedServer, staysSilent } from "../support/scripted-server.ts";
import { temporaryDirectory } from "../support/server.ts";
import { numberedLines } from "../support/shipment.ts";
import { MISSING_FIELDS, OK } from "../support/wire.ts";

/** A file with this content. */
async function fileOf(content: string | Buffer): Promise<string> {
  const path = join(await temporaryDirectory(), "app.log");
  await writeFile(path, content);
  return path;
}

const refusesTheSecond: Script = async (visit) => {
  await visit.lines(3);
  visit.send(OK + MISSING_FIELDS + OK);
};

describe("what was delivered", () => {
  test("0: everything", async () => {
    const { port } = await scriptedServer(acksLines);
    const finished = await logship([
      "--log-file",
      await fileOf(numberedLines(5)),
      "--server-port",
      `${port}`,
    ]);
    expect(finished).toEqual({
      code: 0,
      stdout: "",
      stderr:
        "5 lines in no known format, shipped as they are\nShipper finished: sent=5, failed=0, duplicate=0\n",
    });
  });

  test("65: all but what the server refused", async () => {
    const { port } = await scriptedServer(refusesTheSecond);
    const finished = await logship([
      "--log-file",
      await fileOf(numberedLines(3)),
      "--server-port",
      `${port}`,
    ]);
    expect(finished.code).toBe(65);
    expect(finished.stderr).toMatch(/^1 line refused by the server, kept in \S+dead-letter\.ndjson$/m);
    expect(lastLine(finished)).toBe("Shipper finished: sent=2, failed=1, duplicate=0");
  });

  test("65: all but what was dropped on request", async () => {
    const { port } = await scriptedServer(async (visit) => {
      await visit.lines(2);
      visit.ack(2);
    });
    const args = ["--log-file", await fileOf(numberedLines(5)), "--server-port", `${port}`];
    const flags = ["--resilient", "--buffer-size", "2", "--when-full", "drop-newest"];
    const finished = await logship([...args, ...flags]);
    expect(finished.code).toBe(65);
    expect(finished.stderr).toMatch(/^3 lines dropped as the buffer was full$/m);
    expect(lastLine(finished)).toBe("Shipper finished: sent=2, failed=0, duplicate=0");
  });

  test("69: nothing, as no server is there", async () => {
    const args = ["--log-file", await fileOf(numberedLines(3)), "--server-port", `${await closedPort()}`];
    const finished = await logship(args);
    expect(finished.code).toBe(69);
    expect(finished.stderr).toContain("attempt 4 of 5");
    expect(finished.stderr).toMatch(/^Could not connect to server, aborting$/m);
    expect(finished.stderr).toMatch(
      /^logship: cannot reach 127\.0\.0\.1:\d+: connection refused \(ECONNREFUSED\)$/m,
    );
    expect(finished.stderr).toMatch(/^Undelivered: the last 21 of 21 bytes \(3 lines read and not acked\)$/m);
    expect(lastLine(finished)).toBe("Shipper finished: sent=0, failed=0, duplicate=0");
  });

  test("75: nothing, as the server never acks", async () => {
    const { port } = await scriptedServer(staysSilent);
    const args = ["--log-file", await fileOf(numberedLines(3)), "--server-port", `${port}`];
    const finished = await logship([...args, "--ack-timeout", "0.05", "--connect-attempts", "2"]);
    expect(finished.code).toBe(75);
    expect(finished.stderr).toMatch(/^Undelivered: the last 21 of 21 bytes \(3 lines read and not acked\)$/m);
    expect(lastLine(finished)).toBe("Shipper finished: sent=0, failed=0, duplicate=0");
  });

  test("75: refused lines cannot be kept, which is not said to have been done", async () => {
    const stateDir = await temporaryDirectory();
    await mkdir(join(stateDir, "dead-letter.ndjson"));
    const { port } = await scriptedServer(refusesTheSecond);
    const logFile = await fileOf(numberedLines(3));
    const finished = await logship([
      "--log-file",
      logFile,
      "--server-port",
      `${port}`,
      "--state-dir",
      stateDir,
    ]);
    expect(finished.code).toBe(75);
    expect(finished.stderr).toContain(
      `logship: cannot keep refused lines in ${stateDir}/dead-letter.ndjson: `,
    );
    expect(finished.stderr).not.toContain("refused by the server");
    expect(lastLine(finished)).toBe("Shipper finished: sent=2, failed=0, duplicate=0");
  });

  test("78: nothing, as there can be no state folder", async () => {
    const logFile = await fileOf(numberedLines(3));
    const { code, stderr } = await logship(["--log-file", logFile, "--state-dir", join(logFile, "state")]);
    expect(code).toBe(78);
    expect(stderr).toMatch(
      /^logship: the state folder \S+ cannot be used: .*; name another with --state-dir\n$/,
    );
  });
});

describe("64 and 78: settings", () => {
  test.each<[string[], Record<string, string>, number, string]>([
    [["--nonsense"], {}, 64, "logship: unknown flag --nonsense: logship --help lists them\n"],
    [["--mode", "sideways"], {}, 64, 'logship: --mode takes one of batch, continuous, not "sideways"\n'],
    [
      ["--server-port", "x"],
      {},
      64,
      'logship: --server-port takes a whole number from 1 to 65535, not "x"\n',
    ],
    [[], { SERVER_PORT: "x" }, 78, 'logship: SERVER_PORT takes a whole number from 1 to 65535, not "x"\n'],
  ])("%j with %j", async (args, env, code, stderr) => {
    expect(tidy(await runNode(mainScript, args, { env }))).toEqual({ code, stdout: "", stderr });
  });
});

describe("66: no such input", () => {
  test.each<[string, (folder: string) => string, string]>([
    [
      "a file that is missing",
      (folder) => join(folder, "none"),
      "cannot read PATH: no such file or directory (ENOENT)",
    ],
    ["a folder", (folder) => folder, "PATH is a directory; name a file in it"],
    [
      "a FIFO that nobody writes to",
      (folder) => {
        execFileSync("mkfifo", [join(folder, "pipe")]);
        return join(folder, "pipe");
      },
      "PATH is not a regular file; its lines can be redirected into one",
    ],
  ])("%s", async (_, pathIn, message) => {
    const path = pathIn(await temporaryDirectory());
    const stderr = `logship: ${message.replace("PATH", path)}\n`;
    expect(await logship(["--log-file", path])).toEqual({ code: 66, stdout: "", stderr });
  });

  test("a file that one may not read", async (context) => {
    const path = await fileOf("x\n");
    await chmod(dirname(path), 0o755);
    await chmod(path, 0);
    // Root may read everything, so it becomes nobody.
    const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534, env: { NODE_V8_COVERAGE: "" } } : {};
    const { code: canRun } = await runNode(mainScript, ["--version"], user);
    if (canRun !== 0) {
      process.stderr.write("SKIPPED: nobody cannot run logship here, so an unreadable file is not tested\n");
      context.skip();
    }
    const stateDir = join(dirname(path), "state");
    await mkdir(stateDir, { mode: 0o777 });
    await chmod(stateDir, 0o777);
    const stderr = `logship: cannot read ${path}: permission denied (EACCES)\n`;
    const args = ["--log-file", path, "--state-dir", stateDir];
    expect(tidy(await runNode(mainScript, args, user))).toEqual({
      code: 66,
      stdout: "",
      stderr,
    });
  });
});

describe("content of every kind is shipped", () => {
  test("an empty file: nothing to do, and no server needed", async () => {
    const finished = await logship([
      "--log-file",
      await fileOf(""),
      "--server-port",
      `${await closedPort()}`,
    ]);
    const stderr = "Shipper finished: sent=0, failed=0, duplicate=0\n";
    expect(finished).toEqual({ code: 0, stdout: "", stderr });
  });

  test.each<[string, Buffer]>([
    ["NUL bytes", Buffer.from("a\0b\n\0\0\n\0")],
    ["lines of length zero among others", Buffer.from("\n\na\n\n\r\n\nb\n\n")],
    ["every byte", Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7) & 255))],
    [
      "what is no text at all",
      Buffer.from(Array.from({ length: 256 }, (_, index) => 255 - index)).fill(0, 10, 20),
    ],
  ])("%s", async (_, content) => {
    const server = await scriptedServer(acksLines);
    const finished = await logship(["--log-file", await fileOf(content), "--server-port", `${server.port}`]);
    const expected = encodePlainly(content, usual);
    const events = expected.split("\n").length - 1;
    expect(server.visits[0]!.received.toString()).toBe(expected);
    expect(finished.code).toBe(0);
    expect(lastLine(finished)).toBe(`Shipper finished: sent=${events}, failed=0, duplicate=0`);
  });
});

test("--version and --help are for standard output", async () => {
  expect(await logship(["--version"])).toEqual({ code: 0, stdout: `logship ${VERSION}\n`, stderr: "" });
  const help = await logship(["--help"]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toContain("--log-file");
});

test("refused lines of one run are kept beside those of the next", async () => {
  const { port } = await scriptedServer(async (visit) => {
    await visit.lines(1);
    visit.send(MISSING_FIELDS);
  });
  const stateDir = join(await temporaryDirectory(), "made", "on the way");
  const args = ["--server-port", `${port}`, "--state-dir", stateDir];
  expect((await logship([...args, "--log-file", await fileOf("one\n")])).code).toBe(65);
  expect((await logship([...args, "--log-file", await fileOf("two\n")])).code).toBe(65);
  const kept = (await readFile(join(stateDir, "dead-letter.ndjson"), "utf8")).trimEnd().split("\n");
  expect(kept.map((line) => JSON.parse(line).event.message)).toEqual(["one", "two"]);
});
