import { describe, expect, test } from "vitest";
import { clientProgram } from "../../src/config/client-options.ts";
import { loadSettings } from "../../src/config/load.ts";
import { redriveProgram } from "../../src/config/redrive-options.ts";

function redrive(...argv: string[]): { file: string; compress: boolean } {
  const { operand, settings } = loadSettings(redriveProgram, argv, {});
  return { file: operand, compress: settings.compress };
}

describe("what a program takes besides flags", () => {
  test.each<[string[], string, boolean]>([
    [["f"], "f", false],
    [["f", "--compress"], "f", true],
    [["--compress", "f"], "f", true],
    [["--compress", "no", "f"], "f", false],
    [["--compress=true", "--", "--f"], "--f", true],
    [["--server-port", "1", "f"], "f", false],
  ])("%j", (argv, file, compress) => {
    expect(redrive(...argv)).toEqual({ file, compress });
  });

  test.each<[string[], string]>([
    [[], "takes a FILE: logship redrive FILE"],
    [["a", "b"], 'unexpected argument "b": it takes one FILE'],
    [["--compress=x", "f"], '--compress takes true or false, not "x"'],
  ])("%j is none of it", (argv, message) => {
    expect(() => redrive(...argv)).toThrow(message);
  });

  test("a program without one takes none, and then a word behind a flag is the flag's", () => {
    expect(() => loadSettings(clientProgram, ["f"], {})).toThrow('unexpected argument "f": every setting');
    expect(() => loadSettings(clientProgram, ["--compress", "f"], {})).toThrow(
      '--compress takes true or false, not "f"',
    );
    expect(loadSettings(clientProgram, [], {}).operand).toBe("");
  });
});

test.each<[string[], string]>([
  [
    ["--log-file", "-", "--log-file", "a"],
    "--log-file - is standard input, which cannot be shipped together with files",
  ],
  [["--when-full", "drop-oldest"], "--when-full=drop-oldest takes --resilient"],
])("the client takes not both: %j", (argv, message) => {
  expect(() => loadSettings(clientProgram, argv, {})).toThrow(message);
});
