import fc from "fast-check";
import { expect, test } from "vitest";
import { Fifo } from "../../src/pipeline/fifo.ts";

test("it behaves as an array that is pushed, shifted and spliced", () => {
  const steps = fc.array(
    fc.tuple(fc.constantFrom("push", "shift", "remove"), fc.integer({ min: 1, max: 90 })),
  );
  fc.assert(
    fc.property(steps, (each) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const [step, times] of each) {
        for (let left = times; left > 0; left--) {
          if (step === "push") {
            fifo.push(next);
            model.push(next++);
          } else if (step === "shift") expect(fifo.shift()).toBe(model.shift());
          else expect(fifo.remove(left)).toBe(model.splice(left, 1)[0]);
        }
        expect(fifo.length).toBe(model.length);
        for (const index of [0, 1, model.length - 1, model.length]) {
          expect(fifo.at(index)).toBe(index < 0 ? undefined : model[index]);
        }
      }
    }),
  );
});
