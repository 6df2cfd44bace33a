import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { ChaosRig, type RigOptions } from "./chaos-rig.ts";
import { LogFile } from "./log-file.ts";

/** A rig for one test, and log files in front of its client. */
export interface ChaosTest {
  readonly rig: ChaosRig;
  /** A file in the folder of logs; one that is a symbolic link if it is told where the targets are. */
  file(name: string, targetsDir?: string): LogFile;
  /** Programs close their files; every line must be in the store once, in order, and no program may have complained. */
  expectExactlyOnce(but?: { readonly destroyed: number }): Promise<void>;
}

export async function chaosTest(options: RigOptions = {}): Promise<ChaosTest> {
  const rig = await ChaosRig.create(options);
  onTestFinished(() => rig.close({ keep: process.env.CHAOS_KEEP !== undefined }));
  await rig.startServer();
  const files: LogFile[] = [];
  const file = (name: string, targetsDir?: string): LogFile => {
    const log = new LogFile(rig.logsDir, name, rig.model, targetsDir && join(rig.directory, targetsDir));
    files.push(log);
    return log;
  };
  const expectExactlyOnce: ChaosTest["expectExactlyOnce"] = async ({ destroyed } = { destroyed: 0 }) => {
    for (const log of files) log.close();
    const { complaints, written, stored, ...faults } = await rig.finish();
    expect(complaints, rig.trace.join("\n")).toEqual([]);
    expect(faults).toEqual({ missing: 0, repeated: 0, disordered: 0, altered: 0, destroyed });
    expect(stored).toBeGreaterThanOrEqual(written - destroyed); // a line in parts is stored as several events
  };
  return { rig, file, expectExactlyOnce };
}
