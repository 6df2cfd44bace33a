import type { OptionTable } from "./option.ts";
import { boolean, bytes, choice, integer, seconds } from "./value-types.ts";

/** What is buffered and said while a server is away; times are in milliseconds. */
export interface ResilienceSettings {
  readonly resilient: boolean;
  readonly bufferSize: number;
  readonly bufferBytes: number;
  readonly whenFull: "block" | "drop-newest" | "drop-oldest";
  readonly healthIntervalMs: number;
  readonly healthTimeoutMs: number;
  readonly metricsIntervalMs: number;
  readonly stallAfterMs: number;
}

const AWAY = "When the server is away";
const REPORTS = "Reports";

/** The settings of resilient mode and of what the client says of itself. */
export const resilienceOptions: OptionTable<ResilienceSettings> = {
  resilient: {
    flag: "resilient",
    env: "RESILIENT",
    type: boolean(),
    default: false,
    section: AWAY,
    help: "Never gives up while there is input, and reads on while the server is away, so that lines are in memory before a rotation takes their file.",
  },
  bufferSize: {
    flag: "buffer-size",
    env: "BUFFER_SIZE",
    type: integer(1, 100_000_000),
    default: 50_000,
    section: AWAY,
    help: "How many lines resilient mode holds in memory.",
  },
  bufferBytes: {
    flag: "buffer-bytes",
    env: "BUFFER_BYTES",
    type: bytes(1, 64 * 1024 ** 3),
    default: 64 * 1024 ** 2,
    section: AWAY,
    help: "How many bytes of events resilient mode holds in memory; an event that is larger is held alone.",
  },
  whenFull: {
    flag: "when-full",
    env: "WHEN_FULL",
    type: choice(["block", "drop-newest", "drop-oldest"]),
    default: "block",
    section: AWAY,
    help: "What resilient mode does when its buffer is full: it waits with reading, or it drops lines, counts them, and never sends them.",
  },
  healthIntervalMs: {
    flag: "health-interval",
    env: "HEALTH_INTERVAL",
    type: seconds(0.01, 3600),
    default: 5_000,
    section: AWAY,
    help: "How often continuous and resilient mode try whether a server can be reached while no connection is up.",
  },
  healthTimeoutMs: {
    flag: "health-timeout",
    env: "HEALTH_TIMEOUT",
    type: seconds(0.01, 3600),
    default: 2_000,
    section: AWAY,
    help: "How long such a try may take.",
  },
  metricsIntervalMs: {
    flag: "metrics-interval",
    env: "METRICS_INTERVAL",
    type: seconds(0, 86_400),
    default: 0,
    section: REPORTS,
    help: "How often a line with the figures since the last one is printed; a last one at the end. 0 is never.",
  },
  stallAfterMs: {
    flag: "stall-after",
    env: "STALL_AFTER",
    type: seconds(0.01, 86_400),
    default: 60_000,
    section: REPORTS,
    help: "How long lines may wait without any being acked before that is reported as an error.",
  },
};
