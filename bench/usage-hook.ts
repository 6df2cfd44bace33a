// Preloaded into the processes that are measured: at their exit they leave what they used in a file.

import { readFileSync, writeFileSync } from "node:fs";

/** What a process used; CPU in microseconds. */
export interface ReportedUsage {
  readonly userCPUTime: number;
  readonly systemCPUTime: number;
  readonly rssBytesMax: number;
}

/** `maxRSS` of a child starts at what its parent had when it was forked; the kernel's own high-water mark does not. */
function peakRssBytes(): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return Number(match?.[1]) * 1024;
}

const path = process.env.LOGSHIP_BENCH_USAGE;
if (path !== undefined) {
  process.on("exit", () => {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    const usage: ReportedUsage = { userCPUTime, systemCPUTime, rssBytesMax: peakRssBytes() };
    writeFileSync(path, JSON.stringify(usage));
  });
}
