import { defineConfig } from "vitest/config";

// The compiled tests run, so that what ships is what is tested and c8's figures map back to the sources.
export default defineConfig({
  test: {
    include: ["dist/test/**/*.test.js"],
    pool: "threads",
    maxWorkers: 2,
    server: { deps: { external: [/\/dist\/(src|test|bench|scripts|examples)\//] } },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
