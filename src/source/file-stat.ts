import { type BigIntStats, fstatSync, statSync } from "node:fs";

/** What a path names at this moment. */
export interface FileStat {
  /** Device and inode, as `dev:ino`. */
  readonly inode: string;
  readonly sizeBytes: number;
  /** When its content last changed, in milliseconds since 1970. */
  readonly modifiedMs: number;
  readonly kind: "file" | "directory" | "other";
}

/** Undefined if there is nothing; throws what else is wrong. Synchronous: it takes microseconds, a promise more. */
export function statFile(path: string): FileStat | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : fileStat(stat);
}

export function fileStat(stat: BigIntStats): FileStat {
  return {
    inode: `${stat.dev}:${stat.ino}`,
    sizeBytes: Number(stat.size),
    modifiedMs: Number(stat.mtimeNs) / 1e6,
    kind: stat.isFile() ? "file" : stat.isDirectory() ? "directory" : "other",
  };
}

/** The files that descriptors are open on, as `dev:ino`; terminals, pipes and closed descriptors are passed over. */
export function inodesOf(descriptors: readonly number[]): ReadonlySet<string> {
  const inodes = new Set<string>();
  for (const descriptor of descriptors) {
    try {
      const { kind, inode } = fileStat(fstatSync(descriptor, { bigint: true }));
      if (kind === "file") inodes.add(inode);
    } catch {
      // It is closed.
    }
  }
  return inodes;
}
