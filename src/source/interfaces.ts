import type { LineEncoder } from "../event/line-encoder.ts";
import type { Report } from "../observe/interfaces.ts";
import type { SlabPool } from "../pipeline/batch.ts";
import type { Checkpoint, FileRecord } from "./checkpoint.ts";
import type { LineReaderOptions } from "./line-reader.ts";

/** What a file source reads, and how. */
export interface FileSourceOptions extends LineReaderOptions {
  /** Paths and patterns. */
  readonly patterns: readonly string[];
  /** Go on when the end is met. Without it, a last line without a newline ships as it is, and the source ends. */
  readonly follow: boolean;
  /** Ship matching files from their beginning, whatever was delivered of them. */
  readonly again: boolean;
  /** Where files begin that are there at a state directory's first run; later ones begin at 0. */
  readonly startAt: "beginning" | "end";
  /** `poll` looks at every file each `pollIntervalMs`; `auto` does so only where the kernel's events fail. */
  readonly watch: "auto" | "poll";
  readonly pollIntervalMs: number;
  /** Paths that are our own and never tailed. */
  readonly isOwn: (path: string) => boolean;
  /** Files, as `dev:ino`, that our own messages go to: they are never tailed either. */
  readonly ownInodes: ReadonlySet<string>;
}

/** What a file source works with. */
export interface FileSourceDependencies {
  readonly createEncoder: (stream: string, path: string) => LineEncoder;
  readonly pool: SlabPool;
  readonly report: Report;
  /** What the state directory remembers; undefined at its first run. */
  readonly checkpoint: Checkpoint | undefined;
  /** Resolves when the files' records are on disk. */
  readonly save: (files: readonly FileRecord[]) => Promise<void>;
  readonly onSettled: () => void;
}
