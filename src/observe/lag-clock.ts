// Since when a file has had something undelivered. It is asked now and then, and each time notes how large the file is:
// what is settled below a size that was noted was there at that time. So an answer is late by one asking at most.

interface Sighting {
  /** The file had this size at the latest … */
  readonly sizeBytes: number;
  /** … at this time. */
  readonly atMs: number;
}

/** More sightings of one file than this are thinned out. */
const SIGHTINGS_MAX = 64;

export class LagClock {
  /** Of files that are behind: sizes and times, both increasing. */
  readonly #sightings: WeakMap<object, Sighting[]> = new WeakMap();

  /** Since when there is something behind `settledBytes`, in the terms of `nowMs`; 0 if there is nothing. */
  since(file: object, settledBytes: number, sizeBytes: number, nowMs: number): number {
    if (settledBytes >= sizeBytes) {
      this.#sightings.delete(file);
      return 0;
    }
    const known = this.#sightings.get(file) ?? [];
    const left = known.filter((sighting) => sighting.sizeBytes > settledBytes);
    if ((left.at(-1)?.sizeBytes ?? 0) < sizeBytes) left.push({ sizeBytes, atMs: nowMs });
    if (left.length > SIGHTINGS_MAX) left.splice(mostCrowded(left), 1);
    this.#sightings.set(file, left);
    return left[0]!.atMs;
  }
}

/** The sighting that says least beside its neighbours; never the first, which is the answer, nor the last. */
function mostCrowded(sightings: readonly Sighting[]): number {
  let [found, gapMs] = [1, Number.POSITIVE_INFINITY];
  for (let at = 1; at < sightings.length - 1; at++) {
    const between = sightings[at + 1]!.atMs - sightings[at - 1]!.atMs;
    if (between < gapMs) [found, gapMs] = [at, between];
  }
  return found;
}
