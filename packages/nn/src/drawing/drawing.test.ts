import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Concatenate, Dense, Flatten, functional, input, plotModel, Sequential } from "../index.ts";

function wideAndDeep() {
  const [wide, deep] = [input({ shape: [5], name: "wide" }), input({ shape: [6], name: "deep" })];
  const hidden = new Dense(30, { name: "a<b" }).apply(new Dense(30, { activation: "relu" }).apply(deep));
  const joined = new Concatenate().apply([wide, hidden]);
  return functional({ inputs: [wide, deep], outputs: new Dense(1, { name: "main" }).apply(joined), name: "both" });
}

function nested() {
  const x = input({ shape: [2, 3], name: "image" });
  const inner = new Sequential([new Flatten({ inputShape: [2, 3] }), new Dense(6, { name: "within" })], {
    name: "inner",
  });
  const twice = new Dense(6, { name: "twice" });
  return functional({ inputs: x, outputs: twice.apply(twice.apply(inner.apply(x))), name: "outer" });
}

/** Tags that are opened and not closed: none, in an image. */
function unclosed(svg: string): string[] {
  const open: string[] = [];
  for (const [, closing, name, self] of svg.matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
    if (closing) expect(open.pop()).toBe(name);
    else if (!self) open.push(name!);
  }
  return open;
}

const texts = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((m) => m[1]!);

describe("drawings of models", () => {
  it("state names, classes, shapes and parameters, as a well-formed image", () => {
    const svg = wideAndDeep().toSVG();
    expect(unclosed(svg)).toEqual([]);
    const shown = texts(svg);
    for (const text of ["both", "wide", "InputLayer", "(None, 5)", "Dense · relu", "930 parameters", "a&#60;b"]) {
      expect(shown).toContain(text);
    }
    expect(svg.match(/marker-end/g)!.length).toBe(5);
    // An arrow's direction is that of its curve's last piece, which must have a length.
    for (const [, path] of svg.matchAll(/<path d="([^"]*)"[^>]*marker-end/g)) {
      const ends = path!.split(/(?=[MVC])/).map((piece) => piece.slice(1).split(" ").at(-1));
      expect(ends.at(-1)).not.toBe(ends.at(-2));
    }
    expect(texts(wideAndDeep().toSVG({ showShapes: false, showParams: false })).join()).not.toMatch(/None|parameters/);
  });

  it("show nested models in frames, or closed, and shared layers at each use", () => {
    const open = texts(nested().toSVG());
    expect(open).toEqual(expect.arrayContaining(["inner (Sequential)", "within", "twice", "twice (shared)"]));
    expect(texts(nested().toSVG({ expandNested: false }))).not.toContain("within");
    expect(nested().toDot()).toMatch(/subgraph cluster\w+ \{\n +label="inner \(Sequential\)"/);
    expect(nested().toDot().match(/->/g)!.length).toBe(5);
  });

  it("are written to files, and refuse what cannot be drawn", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gradiente-nn-"));
    const model = wideAndDeep();
    await plotModel(model, join(folder, "model.svg"));
    expect(readFileSync(join(folder, "model.svg"), "utf8")).toBe(model.toSVG());
    await plotModel(model, join(folder, "model.dot"));
    expect(readFileSync(join(folder, "model.dot"), "utf8")).toBe(model.toDot());
    await expect(plotModel(model, join(folder, "model.png"))).rejects.toThrow(/\.svg or \.dot/);
    expect(() => new Sequential([new Dense(1)]).toSVG()).toThrow(/not built/);
    rmSync(folder, { recursive: true });
  });
});
