import { describe, expect, test } from "vitest";
import { addressList, parseAddress, showAddress } from "../../src/config/address.ts";
import { clientProgram } from "../../src/config/client-options.ts";
import { loadSettings } from "../../src/config/load.ts";

describe("an address", () => {
  test.each([
    ["logs.example:9000", "logs.example", 9000],
    ["127.0.0.1:1", "127.0.0.1", 1],
    ["[::1]:65535", "::1", 65535],
    [" [fe80::1.2.3.4]:9 ", "fe80::1.2.3.4", 9],
  ])("%s", (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
    expect(showAddress({ host, port })).toBe(text.trim());
  });

  test.each([
    "",
    "logs.example",
    ":9000",
    "a:0",
    "a:65536",
    "a:x",
    "a:-1",
    "::1:9000",
    "[::1]",
    "[logs]:9",
    "a b:9",
  ])("is not %j", (text) => {
    expect(() => parseAddress(text)).toThrow(/^takes host:port, an IPv6 address in brackets, not "/);
  });

  test("reads as it is shown", () => {
    const type = addressList();
    expect(type.parse("[::1]:9000")).toEqual(["[::1]:9000"]);
    expect(type.show(["a:1", "[::1]:2"])).toBe("a:1,[::1]:2");
  });
});

test("servers come from flags, else from the variable", () => {
  const env = { SERVERS: "c:3, [::1]:4" };
  const load = (...argv: string[]): readonly string[] =>
    loadSettings(clientProgram, argv, env).settings.servers;
  expect(load("--server", "a:1", "--server=b:2")).toEqual(["a:1", "b:2"]);
  expect(load()).toEqual(["c:3", "[::1]:4"]);
});
