// The rules of the house, in the order of docs: who may import whom, how long a file may be, what no file may do.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const FILE_LINES_MAX = 350;
const ENTRY_POINTS = ["main.ts", "server-main.ts", "src/index.ts"];

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const files: readonly SourceFile[] = [
  ...readdirSync(".").filter((path) => path.endsWith(".ts")),
  ...readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join("src", path)),
].map((path) => ({ path, text: readFileSync(path, "utf8") }));

/** The modules that a file names, as written: `node:fs`, `./batch.ts`. */
function importsOf({ text }: SourceFile): string[] {
  const statements = text.matchAll(
    /^(?:import|export)\b(?:[^;"]*?\bfrom)? ?"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...statements].map(([, statement, expression]) => (statement ?? expression)!);
}

/** The files of ours that a file imports, as paths in the repository. */
function ownImportsOf(file: SourceFile): string[] {
  const relative = importsOf(file).filter((name) => name.startsWith("."));
  return relative.map((name) => join(dirname(file.path), name));
}

/** The part of the program that a path belongs to: a folder of `src`, or a file on its own. */
function areaOf(path: string): string {
  return path.startsWith("src/") ? path.split("/")[1]! : path;
}

/** Areas that know only these besides themselves. */
const foundations: Readonly<Record<string, readonly string[]>> = {
  protocol: ["errors.ts"],
  event: ["errors.ts"],
  config: ["errors.ts", "protocol", "event"],
  disk: ["errors.ts"],
};
/** Areas that meet only where a program composes them. */
const strangers: readonly string[] = ["source", "destination", "server"];
/** What alone may import the command line. */
const programs: readonly string[] = ["cli", "main.ts", "server-main.ts"];

function mayImport(importer: string, imported: string): boolean {
  const [from, to] = [areaOf(importer), areaOf(imported)];
  if (from === to) return true;
  if (Object.hasOwn(foundations, from)) return foundations[from]!.includes(to);
  if (strangers.includes(from) && strangers.includes(to)) return false;
  return to !== "cli" || programs.includes(from);
}

function complaints({ path, text }: SourceFile): string[] {
  const found = [];
  const imports = importsOf({ path, text });
  for (const name of imports) if (!/^(node:|\.\.?\/)/.test(name)) found.push(`imports ${name}`);
  for (const own of ownImportsOf({ path, text }))
    if (!mayImport(path, own)) found.push(`may not import ${own}`);
  const lines = text.trimEnd().split("\n").length;
  if (lines > FILE_LINES_MAX) found.push(`has ${lines} lines, more than ${FILE_LINES_MAX}`);
  const isProgram = programs.includes(areaOf(path));
  if (!isProgram && /\bprocess\.exit\(/.test(text)) found.push("ends the process");
  if (!isProgram && /\bconsole\./.test(text)) found.push("writes to the console");
  return found;
}

test.each(files)("$path keeps the rules", (file) => {
  expect(complaints(file)).toEqual([]);
});

test("no file is dead: each is reached from a program or from the library", () => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>(ENTRY_POINTS);
  for (const path of reached) {
    for (const own of ownImportsOf(byPath.get(path)!)) reached.add(own);
  }
  expect(files.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
});

test("what coverage leaves out is what holds types only: a module that is never loaded would count as untested", () => {
  const { exclude } = JSON.parse(readFileSync(".c8rc.json", "utf8")) as { exclude: string[] };
  expect(exclude).toEqual(["**/*.d.ts", "dist/src/**/interfaces.js"]);
  for (const { path } of files) {
    const compiled = readFileSync(`dist/${path.replace(/ts$/, "js")}`, "utf8");
    const code = compiled.replace(/^\/\/[^\n]*$|\/\*.*?\*\//gms, "").trim();
    expect({ path, isTypesOnly: code === "export {};" }).toEqual({
      path,
      isTypesOnly: path.endsWith("/interfaces.ts"),
    });
  }
});

describe("the rules themselves catch", () => {
  test.each<[string, string, string, string]>([
    ["a package", "src/server/a.ts", 'import { x } from "left-pad";', "imports left-pad"],
    ["a bare built-in", "src/server/a.ts", 'import fs from "fs";', "imports fs"],
    [
      "a type",
      "src/event/a.ts",
      'import type { B } from "../pipeline/b.ts";',
      "may not import src/pipeline/b.ts",
    ],
    ["a side effect", "src/config/a.ts", 'import "../version.ts";', "may not import src/version.ts"],
    ["a re-export", "src/source/a.ts", 'export * from "../server/b.ts";', "may not import src/server/b.ts"],
    ["several lines", "src/index.ts", 'import {\n  a,\n} from "./cli/b.ts";', "may not import src/cli/b.ts"],
    ["a late import", "src/pipeline/a.ts", 'await import("../cli/b.ts");', "may not import src/cli/b.ts"],
    ["a long file", "src/cli/a.ts", "x\n".repeat(351), "has 351 lines, more than 350"],
    ["an exit", "src/shipper.ts", "process.exit(1);", "ends the process"],
    ["console", "src/server/a.ts", "console.log(1);", "writes to the console"],
  ])("%s", (_, path, text, complaint) => {
    expect(complaints({ path, text })).toEqual([complaint]);
  });

  test("and nothing of what is allowed", () => {
    const text = 'import "node:fs";\nimport { a } from "./a.ts";\nimport { b } from "../errors.ts";\n';
    expect(complaints({ path: "src/protocol/a.ts", text })).toEqual([]);
    expect(complaints({ path: "main.ts", text: 'import { a } from "./src/cli/client.ts";\n' })).toEqual([]);
    expect(complaints({ path: "src/cli/a.ts", text: "console.log(1);\nprocess.exit(1);\n" })).toEqual([]);
  });
});
