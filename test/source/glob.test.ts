import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { expandPatterns, pathMatcher } from "../../src/source/glob.ts";
import { temporaryDirectory } from "../support/server.ts";

const names = [
  "app.log",
  "app.log.1",
  "b.txt",
  ".hidden.log",
  "x[1].log",
  "web/access.log",
  "web/error.log",
  "web/old/access.log",
  ".secret/app.log",
];

test.each([
  ["app.log", ["app.log"]],
  ["missing.log", ["missing.log"]],
  ["*.log", ["app.log", "x[1].log"]],
  ["*", ["app.log", "app.log.1", "b.txt", "x[1].log"]],
  [".*.log", [".hidden.log"]],
  ["app.log*", ["app.log", "app.log.1"]],
  ["?.txt", ["b.txt"]],
  ["[ab].txt", ["b.txt"]],
  ["[!a].txt", ["b.txt"]],
  ["[a-c].txt", ["b.txt"]],
  ["{app,none}.log", ["app.log"]],
  ["*.{txt,1}", ["app.log.1", "b.txt"]],
  ["web/*.log", ["web/access.log", "web/error.log"]],
  ["*/access.log", ["web/access.log"]],
  ["**/access.log", ["web/access.log", "web/old/access.log"]],
  ["**/*.log", ["app.log", "web/access.log", "web/error.log", "web/old/access.log", "x[1].log"]],
  ["none/*.log", []],
])("%s stands for its files, found or asked for by name", async (pattern, expected) => {
  const folder = await temporaryDirectory();
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), "");
  }
  await symlink(folder, join(folder, "web/loop"));
  const { paths, directories } = await expandPatterns([join(folder, pattern)], () => {});
  expect(paths).toEqual(expected.map((name) => join(folder, name)).sort());
  const matches = pathMatcher([join(folder, pattern)]);
  for (const path of names.map((name) => join(folder, name)))
    expect(matches(path)).toBe(paths.includes(path));
  for (const path of paths) expect(directories).toContain(dirname(path));
});

test("a folder that cannot be read is told of", async () => {
  const told: string[] = [];
  const { paths } = await expandPatterns(["/proc/1/task/*/fd/\u0000/*"], (directory) => told.push(directory));
  expect(paths).toEqual([]);
  expect(told.length).toBeGreaterThan(0);
});
