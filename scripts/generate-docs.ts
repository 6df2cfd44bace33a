// Writes the documents that are made from the option tables. With --check, it writes nothing and fails where one differs.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { commands } from "../src/cli/commands.ts";
import { clientProgram } from "../src/config/client-options.ts";
import { serverProgram } from "../src/config/server-options.ts";
import { renderConfiguration, renderEnvExample } from "./render-docs.ts";

const programs = [clientProgram, ...commands.map(({ program }) => program), serverProgram];
const documents = [
  { path: ".env.example", text: renderEnvExample(programs) },
  { path: "docs/configuration.md", text: renderConfiguration(programs) },
];

const checkOnly = process.argv.includes("--check");
for (const { path, text } of documents) {
  if (!checkOnly) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } else if (readFileSync(path, "utf8") !== text) {
    process.stderr.write(`${path} is not what src/config/ makes it: run make docs\n`);
    process.exitCode = 1;
  }
}
