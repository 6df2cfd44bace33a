// The promise of the ids, on a disk that does everything a disk can do: a client that goes by the rules, and sends again
// what was not acked, finds each of its lines in the store exactly once, in order, whatever fails or is killed.

import type { Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultWireLimits } from "../../src/protocol/limits.ts";
import { Session } from "../../src/server/session.ts";
import { newCounters } from "../../src/server/stats.ts";
import { type Durability, Store } from "../../src/server/store.ts";
import { FakeSocket } from "../support/fake-socket.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { seededRandom } from "../support/random.ts";
import { DUPLICATE, idLine, OK, streamName } from "../support/wire.ts";

const STREAMS = ["a", "b", "c"].map(streamName);
const CLIENTS = 3;
const LINE_BYTES = idLine(STREAMS[0]!, 10).length;

type Command =
  | { do: "send"; client: number; stream: number; lines: number }
  | { do: "reconnect"; client: number }
  | { do: "fail"; operation: string; times: number }
  | { do: "wait"; turns: number }
  | { do: "stop" }
  | { do: "kill" }
  | { do: "cutPower"; share: number; zeros: boolean };

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

/** One connection of a client: what it sent on it, in order, and how far it has got. */
class Connection {
  readonly socket: FakeSocket = new FakeSocket();
  readonly sent: string[] = [];
  readonly next = new Map<number, number>();
  read = 0;
  isOver = false;

  constructor() {
    this.socket.on("error", () => {});
    for (const event of ["finish", "close"]) {
      this.socket.on(event, () => {
        this.isOver = true;
      });
    }
  }
}

class World {
  readonly disk = new MemoryDisk();
  readonly acked = new Set<string>();
  /** How many lines each stream has so far. */
  readonly lines: number[] = STREAMS.map(() => 0);
  readonly #durability: Durability;
  readonly #random: () => number;
  readonly #failures = new Map<string, number>();
  #store!: Store;
  #connections: (Connection | undefined)[] = [];

  constructor(durability: Durability, seed: number) {
    this.#durability = durability;
    this.#random = seededRandom(seed);
    this.disk.fault = async (operation) => {
      await turns(Math.floor(this.#random() * 4));
      const left = this.#failures.get(operation) ?? 0;
      if (left === 0) return;
      this.#failures.set(operation, left - 1);
      throw Object.assign(new Error("staged"), { code: "EIO" });
    };
  }

  async start(): Promise<void> {
    this.#failures.clear();
    this.#connections = [];
    this.#store = new Store({
      storeDir: "/store",
      segmentBytes: 4 * LINE_BYTES,
      durability: this.#durability,
      fileSystem: this.disk.start(),
      report: () => {},
      onRoom: () => {},
    });
    await this.#store.open();
  }

  async run(command: Command): Promise<void> {
    switch (command.do) {
      case "send":
        return this.#send(command.client, command.stream, command.lines);
      case "reconnect":
        this.#connections[command.client] = undefined;
        return;
      case "fail":
        this.#failures.set(command.operation, command.times);
        return;
      case "wait":
        return turns(command.turns);
      case "stop":
        this.#failures.clear();
        await this.#store.close();
        return this.#restart();
      case "kill":
        this.#drop();
        this.disk.kill();
        return this.#restart();
      case "cutPower":
        this.#drop();
        this.disk.cutPower(command.share, command.zeros);
        return this.#restart();
    }
  }

  /** Sends again whatever is not acked, until there is nothing. */
  async finish(): Promise<void> {
    this.#failures.clear();
    for (let round = 0; round < 3; round++) {
      for (const [stream, lines] of this.lines.entries()) {
        const first = this.#firstUnacked(stream);
        if (first < lines) this.#send(0, stream, lines - first, first);
      }
      await turns(200);
      this.readAcks();
      this.#connections[0] = undefined;
    }
  }

  readAcks(): void {
    for (const connection of this.#connections) if (connection !== undefined) this.#readAcks(connection);
  }

  #send(client: number, stream: number, count: number, from?: number): void {
    this.readAcks();
    let connection = this.#connections[client];
    if (connection === undefined || connection.isOver) {
      connection = this.#connect();
      this.#connections[client] = connection;
    }
    const first = from ?? connection.next.get(stream) ?? this.#firstUnacked(stream);
    const sequences = Array.from({ length: count }, (_, index) => first + index);
    connection.next.set(stream, first + count);
    this.lines[stream] = Math.max(this.lines[stream]!, first + count);
    const lines = sequences.map((sequence) => idLine(STREAMS[stream]!, sequence));
    connection.sent.push(...lines.map((line) => line.trim()));
    connection.socket.push(lines.join(""));
  }

  #connect(): Connection {
    const connection = new Connection();
    new Session(connection.socket as unknown as Socket, {
      options: { ...defaultWireLimits, idleTimeoutMs: 1000, unackedBytesMax: 10_000, drainTimeoutMs: 0 },
      counters: newCounters(),
      store: this.#store,
      stored: () => undefined,
      report: (_, message) => {
        throw new Error(message);
      },
    });
    return connection;
  }

  #firstUnacked(stream: number): number {
    let sequence = 0;
    while (this.acked.has(idLine(STREAMS[stream]!, sequence).trim())) sequence++;
    return sequence;
  }

  #readAcks(connection: Connection): void {
    const acks = connection.socket.answered.match(/.*\n/g) ?? [];
    for (const ack of acks.slice(connection.read)) {
      expect([OK, DUPLICATE]).toContain(ack);
      this.acked.add(connection.sent[connection.read++]!);
    }
  }

  #drop(): void {
    this.readAcks();
    for (const connection of this.#connections) connection?.socket.destroy();
    this.#connections = [];
  }

  async #restart(): Promise<void> {
    this.readAcks();
    await this.start();
    this.check();
  }

  /** Each line is in the store at most once, in order; and each that was acked is there. */
  check(): void {
    const stored = this.disk.storedLines();
    for (const [stream, name] of STREAMS.entries()) {
      const own = stored.filter((line) => line.includes(name));
      const wanted = Array.from({ length: this.lines[stream]! }, (_, index) => idLine(name, index).trim());
      const present = new Set(own);
      expect(own).toEqual(wanted.filter((line) => present.has(line)));
    }
    if (this.#durability === "memory") return;
    const present = new Set(stored);
    expect([...this.acked].filter((line) => !present.has(line))).toEqual([]);
  }

  isComplete(): boolean {
    return this.lines.every((lines, stream) => this.#firstUnacked(stream) === lines);
  }
}

// A killed store never gives back its lock, which is a descriptor of this process here: so there are no locks.
const platform = Object.getOwnPropertyDescriptor(process, "platform")!;
beforeAll(() => void Object.defineProperty(process, "platform", { ...platform, value: "none" }));
afterAll(() => void Object.defineProperty(process, "platform", platform));

const usual: fc.Arbitrary<Command>[] = [
  fc.record({
    do: fc.constant("send" as const),
    client: fc.nat(CLIENTS - 1),
    stream: fc.nat(STREAMS.length - 1),
    lines: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({ do: fc.constant("wait" as const), turns: fc.nat(40) }),
];
const trouble: fc.Arbitrary<Command>[] = [
  fc.record({ do: fc.constant("reconnect" as const), client: fc.nat(CLIENTS - 1) }),
  fc.record({
    do: fc.constant("fail" as const),
    operation: fc.constantFrom("write", "sync", "truncate", "open", "rename", "syncDirectory"),
    times: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ do: fc.constant("stop" as const) }),
  fc.record({ do: fc.constant("kill" as const) }),
];
const powerCut: fc.Arbitrary<Command> = fc.record({
  do: fc.constant("cutPower" as const),
  share: fc.constantFrom(0, 0.3, 0.7, 1),
  zeros: fc.boolean(),
});

describe.each<[Durability, fc.Arbitrary<Command>[]]>([
  ["disk", [...trouble, powerCut]],
  ["write", trouble],
  ["memory", trouble],
])("durability %s", (durability, troubles) => {
  test("every line exactly once, in order", async () => {
    const command = fc.oneof(
      ...usual.map((arbitrary) => ({ weight: 2 * troubles.length, arbitrary })),
      ...troubles.map((arbitrary) => ({ weight: 1, arbitrary })),
    );
    const commands = fc.array(command, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.integer(), commands, async (seed, commands) => {
        const world = new World(durability, seed);
        await world.start();
        for (const command of commands) await world.run(command);
        await world.finish();
        await world.run({ do: "stop" });
        expect(world.isComplete()).toBe(true);
        await world.run({ do: "kill" });
      }),
      { numRuns: 150 },
    );
  });
});
