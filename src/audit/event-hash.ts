// A hash of 64 bits, as two numbers of 32: enough that no two of a billion events are likely to share one, and cheap
// enough for every event of a store. It is no defence against somebody who looks for a collision.

/** Hashes one run of bytes after the other; the result of the last is in `high` and `low`. */
export class EventHash {
  high = 0;
  low = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** Names the region that `hash` reads from. */
  begin(region: Buffer): void {
    this.#view = new DataView(region.buffer, region.byteOffset, region.length);
  }

  /** Hashes `[start, end)` of the region. */
  hash(start: number, end: number): void {
    const view = this.#view;
    let high = 0x9e3779b9 ^ (end - start);
    let low = 0x7f4a7c15;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = view.getInt32(at, true);
      high = absorb(high, word);
      low = absorb(low ^ high, ~word);
    }
    for (; at < end; at++) {
      const byte = view.getUint8(at);
      high = absorb(high, byte);
      low = absorb(low ^ high, ~byte);
    }
    this.high = mix(high);
    this.low = mix(low ^ Math.imul(this.high, 0x9e3779b9));
  }
}

/** A step of MurmurHash3. */
function absorb(state: number, word: number): number {
  let mixed = Math.imul(word, 0xcc9e2d51);
  mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593) ^ state;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** Its end: every bit reaches all others. */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
