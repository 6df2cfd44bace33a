import { homedir } from "node:os";
import { describe, expect, test } from "vitest";
import { type ClientSettings, clientProgram } from "../../src/config/client-options.ts";
import { loadSettings } from "../../src/config/load.ts";
import { type ServerSettings, serverProgram } from "../../src/config/server-options.ts";
import { ConfigError, UsageError } from "../../src/errors.ts";

type Env = Record<string, string>;

function client(argv: string[], env: Env = {}): ClientSettings {
  return loadSettings(clientProgram, argv, env).settings;
}

function server(argv: string[], env: Env = {}): ServerSettings {
  return loadSettings(serverProgram, argv, env).settings;
}

test("the defaults are those that users know", () => {
  expect(client([], { HOME: "/home/ann" })).toMatchObject({
    logFile: ["/var/log/app.log"],
    mode: "batch",
    startAt: "end",
    pollIntervalMs: 500,
    format: "auto",
    unparsed: "ship",
    fields: new Map(),
    fileField: undefined,
    lineBytesMax: 1_048_576,
    serverHost: "localhost",
    serverPort: 9000,
    compress: false,
    batchSize: "auto",
    windowBytes: 4_194_304,
    connectTimeoutMs: 5_000,
    sendTimeoutMs: 5_000,
    ackTimeoutMs: 5_000,
    connectAttempts: 5,
    backoffBaseMs: 1_000,
    backoffMaxMs: 60_000,
    backoffJitter: 0.3,
    drainTimeoutMs: 10_000,
    stateDir: "/home/ann/.local/state/logship",
  });
  expect(server([])).toMatchObject({
    host: "127.0.0.1",
    port: 9000,
    connectionsMax: 1024,
    idleTimeoutMs: 600_000,
    drainTimeoutMs: 10_000,
    storeDir: "store",
    segmentBytes: 268_435_456,
    durability: "disk",
    print: false,
    eventBytesMax: 8_388_608,
    frameBytesMax: 16_777_216,
    inflatedBytesMax: 67_108_864,
    unackedBytesMax: 8_388_608,
  });
});

test.each<[Env, string]>([
  [{ XDG_STATE_HOME: "/x/state", HOME: "/home/ann" }, "/x/state/logship"],
  [{ XDG_STATE_HOME: "relative", HOME: "/home/ann" }, "/home/ann/.local/state/logship"],
  [{ XDG_STATE_HOME: "", HOME: "/home/ann" }, "/home/ann/.local/state/logship"],
  [{}, `${homedir()}/.local/state/logship`],
  [{ STATE_DIR: "here", XDG_STATE_HOME: "/x/state" }, "here"],
])("the state folder with %j is %s", (env, stateDir) => {
  expect(client([], env).stateDir).toBe(stateDir);
});

describe("a flag", () => {
  test.each<[string[], Partial<ClientSettings>]>([
    [["--log-file", "a.log"], { logFile: ["a.log"] }],
    [["--log-file=a.log"], { logFile: ["a.log"] }],
    [["--log-file=a=b.log"], { logFile: ["a=b.log"] }],
    [["--log-file", "-"], { logFile: ["-"] }],
    [["--log-file=--odd"], { logFile: ["--odd"] }],
    [["--log-file", "a", "--log-file", "b"], { logFile: ["a", "b"] }],
    [["--compress"], { compress: true }],
    [["--compress", "--format", "raw"], { compress: true, format: "raw" }],
    [["--compress", "false"], { compress: false }],
    [["--compress", "YES", "--format=raw"], { compress: true, format: "raw" }],
    [["--compress=false"], { compress: false }],
    [["--compress="], { compress: false }],
    [["--compress", ""], { compress: false }],
    [["--compress=1"], { compress: true }],
    [["--compress", "--compress=no"], { compress: false }],
    [["--file-field"], { fileField: "file" }],
    [["--file-field", "path"], { fileField: "path" }],
    [["--file-field=path"], { fileField: "path" }],
    [["--file-field=false"], { fileField: undefined }],
    [["--file-field", "--compress"], { fileField: "file", compress: true }],
    [["--batch-size", "7"], { batchSize: 7 }],
    [["--mode", "batch"], { mode: "batch" }],
    [["--mode=continuous"], { mode: "continuous" }],
    [["--ack-timeout", "0.05"], { ackTimeoutMs: 50 }],
    [["--window-bytes", "64K"], { windowBytes: 65_536 }],
    [
      ["--field", "a=1", "--field=b=2,3"],
      {
        fields: new Map([
          ["a", "1"],
          ["b", "2,3"],
        ]),
      },
    ],
  ])("%j", (argv, expected) => {
    expect(client(argv)).toMatchObject(expected);
  });
});

describe("a flag at fault", () => {
  test.each<[string[], string]>([
    [["--logfile", "x"], "unknown flag --logfile: did you mean --log-file?"],
    [["--log_file=x"], "unknown flag --log_file: did you mean --log-file?"],
    [["--logFile", "x"], "unknown flag --logFile: did you mean --log-file?"],
    [["--batch", "5"], "unknown flag --batch: did you mean --batch-size?"],
    [["--modes", "batch"], "unknown flag --modes: did you mean --mode?"],
    [["--nonsense"], "unknown flag --nonsense: logship --help lists them"],
    [["--x"], "unknown flag --x: logship --help lists them"],
    [["-x"], "unknown flag -x: logship --help lists them"],
    [["--__proto__"], "unknown flag --__proto__: logship --help lists them"],
    [["app.log"], 'unexpected argument "app.log": every setting is a flag (logship --help lists them)'],
    [
      ["--log-file", "a", "b"],
      'unexpected argument "b": every setting is a flag (logship --help lists them)',
    ],
    [
      ["--compress", "--", "false"],
      'unexpected argument "false": every setting is a flag (logship --help lists them)',
    ],
    [
      ["--log-file"],
      "--log-file takes the path of a file, or a pattern such as /var/log/*.log, and got nothing",
    ],
    [
      ["--log-file", "--compress"],
      "--log-file takes the path of a file, or a pattern such as /var/log/*.log, and got nothing",
    ],
    [["--log-file="], '--log-file takes the path of a file, or a pattern such as /var/log/*.log, not ""'],
    [["--server-port", "http"], '--server-port takes a whole number from 1 to 65535, not "http"'],
    [["--server-port", "-1"], '--server-port takes a whole number from 1 to 65535, not "-1"'],
    [["--server-port", "0"], '--server-port takes a whole number from 1 to 65535, not "0"'],
    [["--compress", "maybe"], '--compress takes true or false, not "maybe"'],
    [["--mode", "live"], '--mode takes one of batch, continuous, not "live"'],
    [["--field", "a"], '--field takes key=value, not "a"'],
    [["--field", "level=INFO"], '--field cannot set "level": logship writes that field itself'],
    [["--field", "a=1", "--field", "a=2"], '--field names the field "a" twice'],
    [["--file-field=timestamp"], '--file-field cannot set "timestamp": logship writes that field itself'],
    [["--field", "file=x", "--file-field"], '--field and --file-field both set the field "file"'],
  ])("%j is one line", (argv, message) => {
    const load = (): unknown => client(argv);
    expect(load).toThrow(UsageError);
    expect(load).toThrow(expect.objectContaining({ message, exitCode: 64, code: "ERR_USAGE" }));
  });

  test.each(["timestamp", "level", "message", "event_id", "continued"])(
    "%s is no name for a field",
    (name) => {
      expect(() => client(["--field", `${name}=x`])).toThrow(UsageError);
      expect(() => client(["--file-field", name])).toThrow(UsageError);
    },
  );
});

describe("the environment", () => {
  test.each<[Env, Partial<ClientSettings>]>([
    [
      { LOG_FILE: "a.log", SERVER_HOST: "h", SERVER_PORT: "1" },
      { logFile: ["a.log"], serverHost: "h", serverPort: 1 },
    ],
    [
      { SHIPPING_MODE: "batch", COMPRESS: "Yes", BATCH_SIZE: "3" },
      { mode: "batch", compress: true, batchSize: 3 },
    ],
    [
      { LOG_FILE: "", SERVER_PORT: "", COMPRESS: "", FIELDS: "" },
      { logFile: ["/var/log/app.log"], serverPort: 9000 },
    ],
    [
      { FIELDS: "a=1,b=2" },
      {
        fields: new Map([
          ["a", "1"],
          ["b", "2"],
        ]),
      },
    ],
    [{ FILE_FIELD: "true" }, { fileField: "file" }],
    [{ log_file: "a.log" }, { logFile: ["/var/log/app.log"] }],
  ])("%j", (env, expected) => {
    expect(client([], env)).toMatchObject(expected);
  });

  test.each<[Env, string]>([
    [{ SERVER_PORT: "70000" }, 'SERVER_PORT takes a whole number from 1 to 65535, not "70000"'],
    [{ COMPRESS: "on" }, 'COMPRESS takes true or false, not "on"'],
    [{ FIELDS: "a=1," }, 'FIELDS takes key=value, not ""'],
    [{ FIELDS: "a=1,a=2" }, 'FIELDS names the field "a" twice'],
  ])("%j is refused in one line", (env, message) => {
    const load = (): unknown => client([], env);
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(expect.objectContaining({ message, exitCode: 78, code: "ERR_CONFIG" }));
  });

  test("yields to the command line, even where it is at fault", () => {
    const env = { SERVER_PORT: "nonsense", COMPRESS: "true", FIELDS: "a=1,b=2" };
    expect(client(["--server-port", "7", "--compress=false", "--field", "c=3"], env)).toMatchObject({
      serverPort: 7,
      compress: false,
      fields: new Map([["c", "3"]]),
    });
  });
});

test("the server's own flags and variables", () => {
  expect(
    server(["--server-port", "0", "--durability=write", "--print"], { SEGMENT_BYTES: "1KiB" }),
  ).toMatchObject({
    port: 0,
    durability: "write",
    print: true,
    segmentBytes: 1024,
  });
  expect(() => server(["--log-file", "x"])).toThrow(UsageError);
  expect(() => server(["--frame-bytes-max", "17M"])).toThrow(UsageError);
});

test.each([
  [["--help"], { help: true, version: false }],
  [["-h"], { help: true, version: false }],
  [["--version"], { help: false, version: true }],
  [["-V"], { help: false, version: true }],
  [["--bogus", "stray", "--help"], { help: true, version: false }],
  [["--log-file", "x"], { help: false, version: false }],
])("%j asks for help or version, whatever else is wrong", (argv, expected) => {
  const env: Env = argv.includes("--log-file") ? {} : { SERVER_PORT: "nonsense" };
  expect(loadSettings(clientProgram, argv, env)).toMatchObject(expected);
});
