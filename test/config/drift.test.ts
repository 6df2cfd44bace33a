import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runNode } from "../support/run-node.ts";

const generateDocs = resolve("dist/scripts/generate-docs.js");

test(".env.example and docs/configuration.md are what the option tables make them", async () => {
  expect(await runNode(generateDocs, ["--check"])).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("a document that differs is named, and written anew without --check", async () => {
  const folder = mkdtempSync(join(tmpdir(), "logship-docs-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "docs"));
  writeFileSync(join(folder, ".env.example"), "# older\n");
  copyFileSync("docs/configuration.md", join(folder, "docs/configuration.md"));

  const checked = await runNode(generateDocs, ["--check"], { cwd: folder });
  expect(checked).toMatchObject({
    code: 1,
    stderr: ".env.example is not what src/config/ makes it: run make docs\n",
  });
  expect(await runNode(generateDocs, [], { cwd: folder })).toMatchObject({ code: 0 });
  expect(await runNode(generateDocs, ["--check"], { cwd: folder })).toMatchObject({ code: 0 });
});
