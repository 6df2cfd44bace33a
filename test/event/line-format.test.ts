import { describe, expect, test } from "vitest";
import { formatLine, type LineFormat } from "../../src/event/line-format.ts";

function format(line: string, lineFormat: LineFormat = "auto", fields: Record<string, string> = {}): unknown {
  const { json } = formatLine(line, { format: lineFormat, fields: new Map(Object.entries(fields)) });
  return JSON.parse(`${json}}`);
}

const event = (timestamp: string, level: string, message: string): unknown => ({ timestamp, level, message });
const unknown = (message: string): unknown => ({ level: "UNKNOWN", message });

describe("text lines", () => {
  test.each([
    ["2024-01-15 08:23:45 INFO Application started", "2024-01-15 08:23:45", "INFO", "Application started"],
    ["2024-01-15 08:23:45 info lower case level", "2024-01-15 08:23:45", "INFO", "lower case level"],
    ["  2024-01-15\t08:23:45   WARN   spaces  within \t ", "2024-01-15 08:23:45", "WARN", "spaces  within"],
    ["2024-01-15 08:23:45,123 ERROR fraction", "2024-01-15 08:23:45,123", "ERROR", "fraction"],
    [
      "15-Jan 8:23 NOTICE any date with - and time with :",
      "15-Jan 8:23",
      "NOTICE",
      "any date with - and time with :",
    ],
    [
      "2024-01-15 08:23:45 ошибка letters of any script",
      "2024-01-15 08:23:45",
      "ОШИБКА",
      "letters of any script",
    ],
    [
      "2024-01-15\u00a008:23:45\u3000INFO\u2003wide spaces\u0085",
      "2024-01-15 08:23:45",
      "INFO",
      "wide spaces",
    ],
    ["2024-01-15T08:23:45Z INFO iso", "2024-01-15T08:23:45Z", "INFO", "iso"],
    [
      "2024-01-15T08:23:45.123456+02:00 DEBUG iso zone",
      "2024-01-15T08:23:45.123456+02:00",
      "DEBUG",
      "iso zone",
    ],
    ["2024-01-15T08:23 INFO iso without seconds", "2024-01-15T08:23", "INFO", "iso without seconds"],
    ["2024-01-15 08:23:45 [ERROR] in brackets", "2024-01-15 08:23:45", "ERROR", "in brackets"],
    ["2024-01-15 08:23:45 warning: with colon", "2024-01-15 08:23:45", "WARNING", "with colon"],
    ["2024-01-15T08:23:45Z ERROR: connect failed", "2024-01-15T08:23:45Z", "ERROR", "connect failed"],
    ["2024-01-15T08:23:45Z [warn]: both", "2024-01-15T08:23:45Z", "WARN", "both"],
    ["2024-01-15T08:23:45Z 9:00 INFO as ever", "2024-01-15T08:23:45Z 9:00", "INFO", "as ever"],
  ])("%j", (line, timestamp, level, message) => {
    expect(format(line)).toEqual(event(timestamp, level, message));
  });

  test.each([
    "2024-01-15 08:23:45 INFO",
    "2024-01-15 INFO no time",
    "20240115 08:23:45 INFO no dash",
    "2024-01-15 08:23:45 L3VEL not letters",
    "2024-01-15 08:23:45 [main] a thread, not a level",
    "2024-01-15 08:23:45 app: a program, not a level",
    "    at Object.<anonymous> (/srv/app.js:10:5)",
    "plain prose",
    "null",
    "[1,2]",
    '{"level":"info"}',
    '{"level":"info","message":5}',
    '{"level":null,"message":"x"}',
    '{"broken',
  ])("%j fits no format and ships as it is", (line) => {
    expect(format(line)).toEqual(unknown(line));
  });
});

describe("JSON lines", () => {
  test.each([
    [
      "pino",
      '{"level":30,"time":1705306225123,"pid":7,"hostname":"web","msg":"hi"}',
      '{"timestamp":"2024-01-15T08:10:25.123Z","level":"INFO","message":"hi","pid":7,"hostname":"web"}',
    ],
    [
      "bunyan",
      '{"name":"app","level":50,"msg":"bad","time":"2024-01-15T08:10:25.123Z","v":0}',
      '{"timestamp":"2024-01-15T08:10:25.123Z","level":"ERROR","message":"bad","name":"app","v":0}',
    ],
    [
      "winston",
      '{"level":"warn","message":"careful","timestamp":"2024-01-15T08:10:25.123Z"}',
      '{"timestamp":"2024-01-15T08:10:25.123Z","level":"WARN","message":"careful"}',
    ],
    [
      "zap",
      '{"level":"info","ts":1705306225.1234567,"caller":"main.go:1","msg":"up"}',
      '{"timestamp":"2024-01-15T08:10:25.1234567Z","level":"INFO","message":"up","caller":"main.go:1"}',
    ],
    [
      "structlog",
      '{"event": "started", "level": "info", "timestamp": "2024-01-15T08:10:25Z", "n": {"a": [1, "}"]}}',
      '{"timestamp":"2024-01-15T08:10:25Z","level":"INFO","message":"started","n":{"a": [1, "}"]}}',
    ],
    ["no level", '{"message":"x"}', '{"level":"UNKNOWN","message":"x"}'],
    ["a number that no logger names", '{"level":35,"msg":"x"}', '{"level":"35","message":"x"}'],
    [
      "digits a double cannot hold",
      '{"msg":"x","id":12345678901234567890.10}',
      '{"level":"UNKNOWN","message":"x","id":12345678901234567890.10}',
    ],
    ["both names", '{"message":"x","msg":"y"}', '{"level":"UNKNOWN","message":"x","msg":"y"}'],
    [
      "its own event_id",
      '{"message":"x","event_id":1}',
      '{"level":"UNKNOWN","message":"x","source_event_id":1}',
    ],
    [
      "and the new name too",
      '{"message":"x","event_id":1,"source_event_id":2}',
      '{"level":"UNKNOWN","message":"x","source_source_event_id":1,"source_event_id":2}',
    ],
    [
      "a time that is none",
      '{"message":"x","time":null}',
      '{"timestamp":null,"level":"UNKNOWN","message":"x"}',
    ],
    ["a repeated name", '{"message":"x","message":"y"}', '{"level":"UNKNOWN","message":"y"}'],
    ["escapes", '{"message":"\\u00e9\\"\\\\"}', '{"level":"UNKNOWN","message":"\\u00e9\\"\\\\"}'],
  ])("%s", (_name, line, expected) => {
    expect(`${formatLine(line, { format: "auto", fields: new Map() }).json}}`).toBe(expected);
  });

  test("a field that a constant field replaces keeps its value under another name", () => {
    const { json } = formatLine('{"message":"x","service":"own"}', {
      format: "json",
      fields: new Map([["service", "shop"]]),
    });
    expect(json).toBe('{"level":"UNKNOWN","message":"x","source_service":"own"');
  });

  test("a time in seconds, milli-, micro- and nanoseconds is the same time", () => {
    for (const time of ["1705306225", "1705306225000", "1705306225000000", "1705306225000000000"]) {
      expect(format(`{"msg":"x","time":${time}}`)).toMatchObject({ timestamp: "2024-01-15T08:10:25.000Z" });
    }
  });
});

describe("a pinned format", () => {
  const text = "2024-01-15 08:23:45 INFO x";
  const json = '{"level":"info","message":"x"}';

  test("takes no other", () => {
    expect(format(text, "json")).toEqual(unknown(text));
    expect(format(json, "text")).toEqual(unknown(json));
    expect(format(text, "raw")).toEqual(unknown(text));
    expect(format(json, "raw")).toEqual(unknown(json));
  });

  test("takes its own", () => {
    expect(format(text, "text")).toEqual(event("2024-01-15 08:23:45", "INFO", "x"));
    expect(format(json, "json")).toEqual({ level: "INFO", message: "x" });
  });
});
