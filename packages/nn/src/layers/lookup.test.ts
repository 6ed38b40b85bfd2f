import { tensor } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import { CategoryEncoding, Discretization, deserializeLayer, IntegerLookup, StringLookup } from "../index.ts";

describe("StringLookup", () => {
  it("numbers words by frequency, then in descending order, as Keras does", () => {
    const layer = new StringLookup();
    layer.adapt([
      ["b", "a", "c"],
      ["c", "b", "d"],
    ]);
    expect(layer.getVocabulary()).toEqual(["[UNK]", "c", "b", "d", "a"]);
    const numbers = layer.encodeStrings([
      ["a", "x"],
      ["c", "b"],
    ]);
    expect(numbers.toArray()).toEqual([
      [4, 0],
      [1, 2],
    ]);
    expect(numbers.dtype).toBe("int32");
    expect(layer.decodeStrings(numbers)).toEqual([
      ["a", "[UNK]"],
      ["c", "b"],
    ]);
  });

  it("knows a word to leave out, and limits", () => {
    const layer = new StringLookup({ maskToken: "", maxTokens: 4 });
    layer.adapt(["b", "b", "", "a", "a", "a", "c"]);
    expect(layer.getVocabulary()).toEqual(["", "[UNK]", "a", "b"]);
    expect(layer.encodeStrings(["", "c", "b"]).toArray()).toEqual([0, 1, 3]);
    expect(layer.getVocabulary({ includeSpecialTokens: false })).toEqual(["a", "b"]);
  });

  it("gives vectors, and comes back from its configuration", () => {
    const layer = new StringLookup({ vocabulary: ["a", "b"], outputMode: "count" });
    expect(layer.encodeStrings([["b", "b", "z"]]).toArray()).toEqual([[1, 0, 2]]);
    const again = deserializeLayer({ class_name: "StringLookup", config: layer.getConfig() }) as StringLookup;
    expect(again.encodeStrings([["b", "b", "z"]]).toArray()).toEqual([[1, 0, 2]]);
    const full = new StringLookup({ vocabulary: ["[UNK]", "a", "b"] });
    expect(full.getVocabulary()).toEqual(["[UNK]", "a", "b"]);
  });

  it("refuses what it cannot do, saying what can be done", () => {
    expect(() => new StringLookup().encodeStrings(["a"])).toThrow(/adapt/);
    expect(() => new StringLookup({ vocabulary: ["a"], numOovIndices: 0 }).encodeStrings(["b"])).toThrow(/"b"/);
    expect(() => new StringLookup({ vocabulary: ["a", "a"] })).toThrow(/twice/);
    expect(() => new StringLookup({ vocabulary: ["a", "b"], maxTokens: 2 })).toThrow(/maxTokens/);
    expect(() => new StringLookup({ vocabulary: ["a"] }).encodeStrings([["a"], ["a", "a"]])).toThrow(
      /differ in length/,
    );
    expect(() => new StringLookup({ vocabulary: ["a"] }).apply(tensor([1]))).toThrow(/encodeStrings/);
  });
});

describe("IntegerLookup", () => {
  it("numbers whole numbers, and turns them back", () => {
    const layer = new IntegerLookup({ vocabulary: [12, 36], numOovIndices: 2 });
    expect(layer.apply(tensor([[36, 12, 7, -4]])).toArray()).toEqual([[3, 2, 1, 0]]);
    const back = new IntegerLookup({ vocabulary: [12, 36], invert: true });
    expect(back.apply(tensor([[2, 1, 0, 9]])).toArray()).toEqual([[36, 12, -1, -1]]);
    const learned = new IntegerLookup();
    learned.adapt([
      [5, 9],
      [9, 7],
    ]);
    expect(learned.getVocabulary()).toEqual([-1, 9, 7, 5]);
  });
});

describe("categories", () => {
  it("must be known", () => {
    expect(() => new CategoryEncoding({ numTokens: 3 }).apply(tensor([[3]]))).toThrow(/3/);
    expect(() => new Discretization({ numBins: 3 }).apply(tensor([1]))).toThrow(/adapt/);
    expect(() => new Discretization({ binBoundaries: [2, 1] })).toThrow(/ascend/);
    expect(() => new Discretization({})).toThrow(/binBoundaries or numBins/);
  });
});
