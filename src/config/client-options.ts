import { EXIT } from "../errors.ts";
import { RESERVED_FIELDS } from "../event/line-format.ts";
import { type DeliverySettings, deliveryOptions } from "./delivery-options.ts";
import type { OptionTable, Program } from "./option.ts";
import { type ResilienceSettings, resilienceOptions } from "./resilience-options.ts";
import { boolean, booleanOrName, bytes, choice, keyValueList, seconds, textList } from "./value-types.ts";

/** What `--log-file` calls standard input. */
export const STDIN = "-";

/** Every setting of the client; times are in milliseconds. */
export interface ClientSettings extends DeliverySettings, ResilienceSettings {
  readonly logFile: readonly string[];
  readonly mode: "batch" | "continuous";
  readonly startAt: "end" | "beginning";
  readonly watch: "auto" | "poll";
  readonly pollIntervalMs: number;
  readonly again: boolean;
  readonly format: "auto" | "text" | "json" | "raw";
  readonly unparsed: "ship" | "skip";
  readonly fields: ReadonlyMap<string, string>;
  /** The name of the field that holds the file's path, if one does. */
  readonly fileField: string | undefined;
  readonly lineBytesMax: number;
}

/** The client's settings, in the order of its help. */
export const clientOptions: OptionTable<ClientSettings> = {
  logFile: {
    flag: "log-file",
    env: "LOG_FILE",
    type: textList("<path>", "the path of a file, or a pattern such as /var/log/*.log"),
    default: ["/var/log/app.log"],
    section: "Input",
    help: "The file to ship. May be repeated; in the environment, commas separate. Patterns: *, ?, [ab], {a,b}, and ** for any folders. - is standard input, and stands alone.",
  },
  mode: {
    flag: "mode",
    env: "SHIPPING_MODE",
    type: choice(["batch", "continuous"]),
    default: "batch",
    section: "Input",
    help: "batch ships what is there and ends. continuous goes on: through growth, rotation and truncation, and with files that appear later.",
  },
  startAt: {
    flag: "start-at",
    env: "START_AT",
    type: choice(["end", "beginning"]),
    default: "end",
    section: "Input",
    help: "Where continuous mode begins with the files that are there at a state folder's first run. Later files are always shipped from their beginning.",
  },
  watch: {
    flag: "watch",
    env: "WATCH",
    type: choice(["auto", "poll"]),
    default: "auto",
    section: "Input",
    help: "How continuous mode learns of changes: from the kernel, or by looking at each file every poll interval, for file systems without events.",
  },
  pollIntervalMs: {
    flag: "poll-interval",
    env: "POLL_INTERVAL",
    type: seconds(0.01, 3600),
    default: 500,
    section: "Input",
    help: "How often files are looked at where they are polled.",
  },
  again: {
    flag: "again",
    env: "AGAIN",
    type: boolean(),
    default: false,
    section: "Input",
    help: "Ships the files from their beginning although they, or parts of them, were delivered before.",
  },
  format: {
    flag: "format",
    env: "FORMAT",
    type: choice(["auto", "text", "json", "raw"]),
    default: "auto",
    section: "Events",
    help: "What a line is: text (date, time, level, message), a JSON object, or raw (all of it is the message). auto decides line by line.",
  },
  unparsed: {
    flag: "unparsed",
    env: "UNPARSED",
    type: choice(["ship", "skip"]),
    default: "ship",
    section: "Events",
    help: "What becomes of a line that does not fit the format: shipped whole with the level UNKNOWN, or skipped and counted.",
  },
  fields: {
    flag: "field",
    env: "FIELDS",
    type: keyValueList(RESERVED_FIELDS),
    default: new Map(),
    section: "Events",
    help: "Adds a constant field to every event. Repeat the flag for more; the variable takes several separated by commas (a value with a comma in it needs the flag). Flags replace the variable.",
  },
  fileField: {
    flag: "file-field",
    env: "FILE_FIELD",
    type: booleanOrName("file", RESERVED_FIELDS),
    default: undefined,
    section: "Events",
    help: 'Adds the path of the file to every event: under "file", or under the name given.',
  },
  lineBytesMax: {
    flag: "line-bytes-max",
    env: "LINE_BYTES_MAX",
    type: bytes(64, 64 * 1024 ** 2),
    default: 1024 ** 2,
    section: "Events",
    help: 'A longer line is split at a character; each further part is an event of its own with "continued":true.',
  },
  ...deliveryOptions,
  ...resilienceOptions,
};

/** How whatever sends events ends. */
export const clientExitCodes: Program<ClientSettings>["exitCodes"] = [
  { code: EXIT.ok, means: "every line was delivered" },
  { code: EXIT.usage, means: "a flag does not exist, or does not take that value" },
  {
    code: EXIT.refused,
    means: "delivered, but for lines that the server refused, or that were dropped on request",
  },
  { code: EXIT.noInput, means: "the file does not exist or cannot be read" },
  { code: EXIT.unavailable, means: "the server cannot be reached" },
  { code: EXIT.internal, means: "a bug in logship" },
  { code: EXIT.temporary, means: "ended with lines undelivered; running again can help" },
  { code: EXIT.config, means: "an environment variable, a folder or a permission is not as it must be" },
];

/** The client as its command line and its documentation see it. */
export const clientProgram: Program<ClientSettings> = {
  name: "logship",
  summary:
    "Ships the lines of a log file to a log server, and counts a line as sent when the server has acked it.",
  options: clientOptions,
  conflict: clientConflict,
  examples: [
    { command: "logship --log-file app.log", does: "ship a file to the server on this machine" },
    {
      command: "logship --log-file app.log --server-host logs.example --compress",
      does: "to another machine, compressed",
    },
    {
      command: "logship --log-file app.log --field service=shop --file-field",
      does: "say where each line comes from",
    },
    {
      command: "logship --mode continuous --resilient --log-file '/var/log/*.log'",
      does: "follow files, and read on while the server is away",
    },
    { command: "app | logship --log-file -", does: "ship what a program prints" },
    { command: "SERVER_PORT=9001 logship --log-file app.log", does: "a setting from the environment" },
  ],
  exitCodes: clientExitCodes,
};

function clientConflict(settings: ClientSettings): string | undefined {
  const { logFile, fields, fileField, resilient, whenFull } = settings;
  if (logFile.length > 1 && logFile.includes(STDIN))
    return "--log-file - is standard input, which cannot be shipped together with files";
  if (!resilient && whenFull !== "block") return `--when-full=${whenFull} takes --resilient`;
  if (fileField !== undefined && fields.has(fileField))
    return `--field and --file-field both set the field ${JSON.stringify(fileField)}`;
  return undefined;
}
