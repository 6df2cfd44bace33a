import { defaultWireLimits } from "../../src/protocol/limits.ts";
import { type Intake, IntakeChecker } from "../../src/server/intake.ts";
import { newCounters } from "../../src/server/stats.ts";
import { Store, type StoreOptions } from "../../src/server/store.ts";
import type { MemoryDisk } from "./memory-disk.ts";

export interface MemoryStore {
  readonly store: Store;
  /** The store's own log so far, as `level: message`. */
  readonly log: string[];
  /** Takes lines as a session does. */
  take(...lines: string[]): { intake: Intake; committed: Promise<void> | undefined };
  /** Takes lines, and waits for their commit. */
  commit(...lines: string[]): Promise<void>;
}

/** Opens the store on a disk in memory, as a new process. */
export async function openMemoryStore(
  disk: MemoryDisk,
  options: Partial<StoreOptions> = {},
): Promise<MemoryStore> {
  const log: string[] = [];
  const store = new Store({
    storeDir: "/store",
    segmentBytes: 1_000_000,
    durability: "disk",
    fileSystem: disk.start(),
    report: (level, message) => log.push(`${level}: ${message}`),
    onRoom: () => {},
    ...options,
  });
  await store.open();
  const checker = new IntakeChecker(defaultWireLimits, newCounters(), store.marks);
  const take: MemoryStore["take"] = (...lines) => {
    const intake = checker.takeLines(Buffer.from(lines.join("")));
    const bytes = Buffer.concat(intake.buffers).length;
    const committed =
      intake.lines === 0 ? undefined : store.append(intake.buffers, bytes, intake.lines, intake.advances);
    return { intake, committed };
  };
  return { store, log, take, commit: async (...lines) => take(...lines).committed };
}
