/** A text that is not one of the literals {@link parseLiteral} knows. */
export class LiteralError extends Error {}

/** What Python literals stand for: tuples and lists are arrays, dictionaries maps. */
export type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<Literal, Literal>;

const constants: ReadonlyMap<string, boolean | null> = new Map([
  ["True", true],
  ["False", false],
  ["None", null],
]);

/** Headers nest three deep for arrays of records. */
const maximalDepth = 16;

/**
 * Reads the literals of Python that headers of NumPy files consist of: strings, natural numbers, constants, tuples,
 * lists and dictionaries. Nothing is evaluated.
 * @throws {LiteralError} for anything else, and for a key that a dictionary has twice.
 */
export function parseLiteral(text: string): Literal {
  const tokens = text.match(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\d+|[A-Za-z_]\w*|\S/g) ?? [];
  let at = 0;
  const take = (expected: string): void => {
    if (tokens[at] !== expected) throw new LiteralError(`${tokens[at] ?? "its end"} instead of ${expected}`);
    at++;
  };
  /** What stands between brackets, separated by commas, the last of which may be left out. */
  const list = <T>(close: string, item: () => T): T[] => {
    const items: T[] = [];
    while (tokens[at] !== close) {
      items.push(item());
      if (tokens[at] !== close) take(",");
    }
    at++;
    return items;
  };
  const value = (depth: number): Literal => {
    if (depth > maximalDepth) throw new LiteralError("it is nested too deep");
    const token = tokens[at++];
    if (token === undefined) throw new LiteralError("it ends too early");
    if (token === "(") {
      const items = list(")", () => value(depth + 1));
      // Without a comma, brackets only group.
      return items.length === 1 && tokens[at - 2] !== "," ? items[0]! : items;
    }
    if (token === "[") return list("]", () => value(depth + 1));
    if (token === "{") return dictionary(depth);
    if (/^\d/.test(token)) {
      // Python 2 wrote long integers with an L.
      if (tokens[at] === "L") at++;
      return Number(token);
    }
    if (/^['"]./.test(token)) {
      if (token.includes("\\")) throw new LiteralError("a string with a backslash");
      return token.slice(1, -1);
    }
    const constant = constants.get(token);
    if (constant === undefined) throw new LiteralError(`${JSON.stringify(token)} is no literal`);
    return constant;
  };
  const dictionary = (depth: number): Literal => {
    const items = list("}", () => {
      const key = value(depth + 1);
      take(":");
      return [key, value(depth + 1)] as const;
    });
    const map = new Map(items);
    if (map.size !== items.length) throw new LiteralError("a key appears twice");
    return map;
  };
  const result = value(0);
  if (at < tokens.length) throw new LiteralError(`${tokens[at]} after its end`);
  return result;
}
