// Preloaded into the processes that are measured: at their exit they leave what they used in a file.

import { writeFileSync } from "node:fs";

const path = process.env.LOGSHIP_BENCH_USAGE;
if (path !== undefined) {
  process.on("exit", () => writeFileSync(path, JSON.stringify(process.resourceUsage())));
}
