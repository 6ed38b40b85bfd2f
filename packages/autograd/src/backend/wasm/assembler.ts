/**
 * A typed WebAssembly assembler.
 *
 * Code is a tree: every operation is a function from operand trees to a tree, so `i32.add(a, i32.mul(b, 4))` is both
 * the program's text and its binary. The type parameter of {@link Value} makes mixing an f32x4 with an i32 an
 * error of TypeScript. Control flow is structured ({@link whileLoop}, {@link repeat}, {@link when}), so there are no
 * labels to count. A {@link ModuleBuilder} collects functions and writes the bytes.
 */
export type Type = "i32" | "f32" | "f64" | "v128";

/** Bytes, nested; a function stands for its index, known only when the module is complete. */
export type Code = number | Func | readonly Code[];

/** An expression that leaves one value of type `T`. */
export interface Value<T extends Type = Type> {
  readonly type: T;
  readonly code: Code;
}
export type I32 = Value<"i32">;
export type F32 = Value<"f32">;
export type F64 = Value<"f64">;
export type V128 = Value<"v128">;

/** Code that leaves nothing. */
export interface Statement {
  readonly type: "none";
  readonly code: Code;
}

/** A variable of a function. */
export interface Local<T extends Type = Type> extends Value<T> {
  set(value: Value<T>): Statement;
}

const typeBytes: Readonly<Record<Type, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };

const value = <T extends Type>(type: T, ...code: Code[]): Value<T> => ({ type, code });
const statement = (...code: Code[]): Statement => ({ type: "none", code });

function unsigned(n: number): number[] {
  const bytes: number[] = [];
  let rest = n >>> 0;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

function signed(n: number): number[] {
  const bytes: number[] = [];
  let rest = n | 0;
  for (; rest < -64 || rest > 63; rest >>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest & 127];
}

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const bytesOf = (array: ArrayBufferView): number[] => [...new Uint8Array(array.buffer)];
/** Alignment hint 0: always valid, and no slower. */
const at = (offset: number): number[] => [0, ...unsigned(offset)];

/** An i32 operand; plain numbers become constants. */
export type Int = I32 | number;
export const int = (x: Int): I32 => (typeof x === "number" ? value("i32", 0x41, signed(x)) : x);

type Unary<A extends Type, R extends Type = A> = (a: Value<A>) => Value<R>;
type Binary<A extends Type, R extends Type = A> = (a: Value<A>, b: Value<A>) => Value<R>;
const unary =
  <A extends Type, R extends Type>(_: A, result: R, ...opcode: Code[]): Unary<A, R> =>
  (a) =>
    value(result, a.code, opcode);
const binary =
  <A extends Type, R extends Type>(_: A, result: R, ...opcode: Code[]): Binary<A, R> =>
  (a, b) =>
    value(result, a.code, b.code, opcode);
type IntBinary = (a: Int, b: Int) => I32;
const intBinary =
  (opcode: number): IntBinary =>
  (a, b) =>
    value("i32", int(a).code, int(b).code, opcode);
type Load<T extends Type> = (address: I32, offset?: number) => Value<T>;
const load =
  <T extends Type>(type: T, ...opcode: Code[]): Load<T> =>
  (address, offset = 0) =>
    value(type, address.code, opcode, at(offset));
type Store<T extends Type> = (address: I32, x: Value<T>, offset?: number) => Statement;
const store =
  <T extends Type>(_: T, ...opcode: Code[]): Store<T> =>
  (address, x, offset = 0) =>
    statement(address.code, x.code, opcode, at(offset));

type I32Op =
  | "eq"
  | "ne"
  | "lt"
  | "ltU"
  | "gt"
  | "gtU"
  | "le"
  | "ge"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "divU"
  | "rem"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr"
  | "shrU";
const i32Binary: Readonly<Record<I32Op, IntBinary>> = {
  eq: intBinary(0x46),
  ne: intBinary(0x47),
  lt: intBinary(0x48),
  ltU: intBinary(0x49),
  gt: intBinary(0x4a),
  gtU: intBinary(0x4b),
  le: intBinary(0x4c),
  ge: intBinary(0x4e),
  add: intBinary(0x6a),
  sub: intBinary(0x6b),
  mul: intBinary(0x6c),
  div: intBinary(0x6d),
  divU: intBinary(0x6e),
  rem: intBinary(0x6f),
  and: intBinary(0x71),
  or: intBinary(0x72),
  xor: intBinary(0x73),
  shl: intBinary(0x74),
  shr: intBinary(0x75),
  shrU: intBinary(0x76),
};

export const i32: Readonly<Record<I32Op, IntBinary>> & {
  readonly load: Load<"i32">;
  readonly store: Store<"i32">;
  readonly load8: Load<"i32">;
  readonly store8: Store<"i32">;
} = {
  ...i32Binary,
  load: load("i32", 0x28),
  store: store("i32", 0x36),
  load8: load("i32", 0x2d),
  store8: store("i32", 0x3a),
};

/** Scalar floats: only what meets SIMD at its edges. */
export const f32: { readonly load: Load<"f32">; readonly store: Store<"f32">; readonly promote: Unary<"f32", "f64"> } =
  {
    load: load("f32", 0x2a),
    store: store("f32", 0x38),
    promote: unary("f32", "f64", 0xbb),
  };
export const f64: {
  readonly const: (x: number) => F64;
  readonly load: Load<"f64">;
  readonly store: Store<"f64">;
  readonly demote: Unary<"f64", "f32">;
} = {
  const: (x) => value("f64", 0x44, bytesOf(new Float64Array([x]))),
  load: load("f64", 0x2b),
  store: store("f64", 0x39),
  demote: unary("f64", "f32", 0xb6),
};

type Vector1 = Unary<"v128">;
type Vector2 = Binary<"v128">;
const vector1 = (opcode: number): Vector1 => unary("v128", "v128", simd(opcode));
const vector2 = (opcode: number): Vector2 => binary("v128", "v128", simd(opcode));
type Shift = (a: V128, count: Int) => V128;
const shift =
  (opcode: number): Shift =>
  (a, count) =>
    value("v128", a.code, int(count).code, simd(opcode));
type Extract<T extends Type> = (a: V128, lane: number) => Value<T>;
const extract =
  <T extends Type>(type: T, opcode: number): Extract<T> =>
  (a, lane) =>
    value(type, a.code, simd(opcode), lane);
type Replace<T extends Type> = (a: V128, lane: number, x: Value<T>) => V128;
const replace =
  <T extends Type>(_: T, opcode: number): Replace<T> =>
  (a, lane, x) =>
    value("v128", a.code, x.code, simd(opcode), lane);
type Ternary = (a: V128, b: V128, c: V128) => V128;
const ternary =
  (opcode: number): Ternary =>
  (a, b, c) =>
    value("v128", a.code, b.code, c.code, simd(opcode));

type LoadLane = (lane: number, address: I32, into: V128, offset?: number) => V128;
const loadLane =
  (opcode: number): LoadLane =>
  (lane, address, into, offset = 0) =>
    value("v128", address.code, into.code, simd(opcode), at(offset), lane);
type StoreLane = (lane: number, address: I32, x: V128, offset?: number) => Statement;
const storeLane =
  (opcode: number): StoreLane =>
  (lane, address, x, offset = 0) =>
    statement(address.code, x.code, simd(opcode), at(offset), lane);
const load128 = (opcode: number): Load<"v128"> => load("v128", simd(opcode));

/** Operations that do not care what the lanes are. Widths of loads and lanes are in bytes. */
export const v128: {
  readonly load: Load<"v128">;
  readonly store: Store<"v128">;
  readonly splat: Readonly<Record<1 | 2 | 4 | 8, Load<"v128">>>;
  readonly loadZero: Readonly<Record<4 | 8, Load<"v128">>>;
  readonly loadLane: Readonly<Record<1 | 2 | 4 | 8, LoadLane>>;
  readonly storeLane: Readonly<Record<1 | 2 | 4 | 8, StoreLane>>;
  readonly const: (bytes: ArrayBufferView) => V128;
  /** Bytes of a (0–15) and b (16–31). */
  readonly shuffle: (a: V128, b: V128, bytes: readonly number[]) => V128;
  readonly not: Vector1;
  readonly and: Vector2;
  /** a & ~b */
  readonly andNot: Vector2;
  readonly or: Vector2;
  readonly xor: Vector2;
  /** Bits of a where the mask is set, of b elsewhere. */
  readonly select: (a: V128, b: V128, mask: V128) => V128;
  readonly anyTrue: Unary<"v128", "i32">;
} = {
  load: load128(0),
  store: store("v128", simd(11)),
  splat: { 1: load128(7), 2: load128(8), 4: load128(9), 8: load128(10) },
  loadZero: { 4: load128(92), 8: load128(93) },
  loadLane: { 1: loadLane(84), 2: loadLane(85), 4: loadLane(86), 8: loadLane(87) },
  storeLane: { 1: storeLane(88), 2: storeLane(89), 4: storeLane(90), 8: storeLane(91) },
  const: (array) => value("v128", simd(12), bytesOf(array)),
  shuffle: (a, b, bytes) => value("v128", a.code, b.code, simd(13), bytes),
  not: vector1(77),
  and: vector2(78),
  andNot: vector2(79),
  or: vector2(80),
  xor: vector2(81),
  select: ternary(82),
  anyTrue: unary("v128", "i32", simd(83)),
};

/** What all lane shapes with arithmetic share. */
export interface Lanes<T extends Type> {
  readonly const: (x: number) => V128;
  readonly splat: Unary<T, "v128">;
  readonly extract: Extract<T>;
  readonly replace: Replace<T>;
  readonly eq: Vector2;
  readonly ne: Vector2;
  readonly lt: Vector2;
  readonly gt: Vector2;
  readonly le: Vector2;
  readonly ge: Vector2;
  readonly abs: Vector1;
  readonly neg: Vector1;
  readonly add: Vector2;
  readonly sub: Vector2;
  readonly mul: Vector2;
  /** NaN if either is NaN. */
  readonly min: Vector2;
  readonly max: Vector2;
}
export interface FloatLanes<T extends Type> extends Lanes<T> {
  readonly ceil: Vector1;
  readonly floor: Vector1;
  readonly trunc: Vector1;
  readonly nearest: Vector1;
  readonly sqrt: Vector1;
  readonly div: Vector2;
  /** `b < a ? b : a` and `a < b ? b : a`: the first where either is NaN, and cheaper. */
  readonly pmin: Vector2;
  readonly pmax: Vector2;
  /** a · b + c, fused or not as the processor likes. Relaxed SIMD. */
  readonly relaxedMadd: Ternary;
  /** c - a · b, likewise. */
  readonly relaxedNmadd: Ternary;
}

const floatLanes = <T extends Type>(
  make: (x: number) => ArrayBufferView,
  [splat, extracting, replacing, comparing, arithmetic]: readonly number[],
  rounding: readonly number[],
  madd: number,
  type: T,
): FloatLanes<T> => ({
  const: (x) => v128.const(make(x)),
  splat: unary(type, "v128", simd(splat!)),
  extract: extract(type, extracting!),
  replace: replace(type, replacing!),
  eq: vector2(comparing!),
  ne: vector2(comparing! + 1),
  lt: vector2(comparing! + 2),
  gt: vector2(comparing! + 3),
  le: vector2(comparing! + 4),
  ge: vector2(comparing! + 5),
  abs: vector1(arithmetic!),
  neg: vector1(arithmetic! + 1),
  sqrt: vector1(arithmetic! + 3),
  add: vector2(arithmetic! + 4),
  sub: vector2(arithmetic! + 5),
  mul: vector2(arithmetic! + 6),
  div: vector2(arithmetic! + 7),
  min: vector2(arithmetic! + 8),
  max: vector2(arithmetic! + 9),
  pmin: vector2(arithmetic! + 10),
  pmax: vector2(arithmetic! + 11),
  ceil: vector1(rounding[0]!),
  floor: vector1(rounding[1]!),
  trunc: vector1(rounding[2]!),
  nearest: vector1(rounding[3]!),
  relaxedMadd: ternary(madd),
  relaxedNmadd: ternary(madd + 1),
});

export const f32x4: FloatLanes<"f32"> & {
  readonly convert: Vector1;
  /** Of the two float64 lanes, above zeros. */
  readonly demote: Vector1;
} = {
  ...floatLanes((x) => new Float32Array(4).fill(x), [19, 31, 32, 65, 224], [103, 104, 105, 106], 261, "f32"),
  convert: vector1(250),
  demote: vector1(94),
};
export const f64x2: FloatLanes<"f64"> & {
  /** Of the two lower lanes. */
  readonly convertLow: Vector1;
  readonly convertLowU: Vector1;
  readonly promoteLow: Vector1;
} = {
  ...floatLanes((x) => new Float64Array(2).fill(x), [20, 33, 34, 71, 236], [116, 117, 122, 148], 263, "f64"),
  convertLow: vector1(254),
  convertLowU: vector1(255),
  promoteLow: vector1(95),
};
export const i32x4: Lanes<"i32"> & {
  readonly shl: Shift;
  readonly shr: Shift;
  readonly shrU: Shift;
  readonly ltU: Vector2;
  readonly truncF32: Vector1;
  readonly truncF64: Vector1;
  readonly extendLow16U: Vector1;
  /** The first where the mask is all ones, the second where it is all zeros. Relaxed SIMD. */
  readonly relaxedSelect: Ternary;
} = {
  const: (x) => v128.const(new Int32Array(4).fill(x)),
  splat: unary("i32", "v128", simd(17)),
  extract: extract("i32", 27),
  replace: replace("i32", 28),
  eq: vector2(55),
  ne: vector2(56),
  lt: vector2(57),
  ltU: vector2(58),
  gt: vector2(59),
  le: vector2(61),
  ge: vector2(63),
  abs: vector1(160),
  neg: vector1(161),
  shl: shift(171),
  shr: shift(172),
  shrU: shift(173),
  add: vector2(174),
  sub: vector2(177),
  mul: vector2(181),
  min: vector2(182),
  max: vector2(184),
  truncF32: vector1(248),
  truncF64: vector1(252),
  extendLow16U: vector1(169),
  relaxedSelect: ternary(267),
};
export const i64x2: {
  readonly shl: Shift;
  readonly shrU: Shift;
  readonly add: Vector2;
  readonly sub: Vector2;
  readonly lt: Vector2;
  readonly relaxedSelect: Ternary;
  readonly extendLow32: Vector1;
  /** Whole products of the unsigned 32-bit lanes 0 and 1, or 2 and 3. */
  readonly extendedLowProduct: Vector2;
  readonly extendedHighProduct: Vector2;
} = {
  extendedLowProduct: vector2(222),
  extendedHighProduct: vector2(223),
  shl: shift(203),
  shrU: shift(205),
  add: vector2(206),
  sub: vector2(209),
  lt: vector2(216),
  relaxedSelect: ternary(268),
  extendLow32: vector1(199),
};
export const i16x8: { readonly extendLow8U: Vector1 } = { extendLow8U: vector1(137) };

// Control flow.

/** Repeats `body` while `condition` holds, tested first. */
export const whileLoop = (condition: I32, ...body: Statement[]): Statement =>
  when(condition, repeat(condition, ...body));
/** Runs `body` once, and again while `condition` holds. */
export const repeat = (condition: I32, ...body: Statement[]): Statement =>
  statement(
    0x03,
    0x40,
    body.map((s) => s.code),
    condition.code,
    0x0d,
    0,
    0x0b,
  );
export const when = (condition: I32, ...then: Statement[]): Statement => either(condition, then, []);
export const either = (condition: I32, then: readonly Statement[], otherwise: readonly Statement[]): Statement =>
  statement(
    condition.code,
    0x04,
    0x40,
    then.map((s) => s.code),
    otherwise.length > 0 ? [0x05, otherwise.map((s) => s.code)] : [],
    0x0b,
  );
/** The first value where the condition holds; both are computed. */
export const choose = <T extends Type>(condition: I32, a: Value<T>, b: Value<T>): Value<T> =>
  value(a.type, a.code, b.code, condition.code, a.type === "v128" ? [0x1c, 1, typeBytes.v128] : 0x1b);
/** `local += step` */
export const increase = (local: Local<"i32">, step: Int): Statement => local.set(i32.add(local, step));
/** Counts `index` from 0 to `end` (not included). */
export const countTo = (index: Local<"i32">, end: Int, ...body: Statement[]): Statement =>
  statement(index.set(int(0)).code, whileLoop(i32.lt(index, end), ...body, increase(index, 1)).code);

/** The function being defined: makes its local variables. */
export interface Scope {
  local<T extends Type>(type: T): Local<T>;
}

type UpTo16<T> = readonly [T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T];

/** As many new variables as are taken, up to 16: `const [i, j, k] = locals(scope, "i32")`. */
export function locals<T extends Type>(scope: Scope, type: T): UpTo16<Local<T>> {
  function* made(): Generator<Local<T>> {
    for (;;) yield scope.local(type);
  }
  // Destructuring takes from the generator only what it names.
  return made() as unknown as UpTo16<Local<T>>;
}

/** A function of a module, imported or defined. */
export class Func {
  index = -1;
  readonly parameters: readonly Type[];
  readonly results: readonly Type[];
  body: () => number[] = () => [];
  readonly locals: Type[] = [];

  constructor(parameters: readonly Type[], results: readonly Type[]) {
    this.parameters = parameters;
    this.results = results;
  }

  /** A call of a function with one result. */
  call<T extends Type>(type: T, ...args: Value[]): Value<T> {
    return value(
      type,
      args.map((a) => a.code),
      0x10,
      this,
    );
  }

  /** A call whose results go to `targets`. */
  callInto(targets: readonly Local[], ...args: Value[]): Statement {
    const pops = targets.map((t) => t.set({ type: t.type, code: [] }).code).reverse();
    return statement(
      args.map((a) => a.code),
      0x10,
      this,
      pops,
    );
  }
}

function flatten(code: Code, out: number[]): number[] {
  if (typeof code === "number") out.push(code);
  else if (code instanceof Func) out.push(...unsigned(code.index));
  else for (const part of code) flatten(part, out);
  return out;
}

type Locals<P extends readonly Type[]> = { [K in keyof P]: Local<P[K]> };

/** Collects functions and encodes them as a module that imports its memory. */
export class ModuleBuilder {
  readonly #imports: { name: string; func: Func }[] = [];
  readonly #functions: Func[] = [];
  readonly #exports: { name: string; func: Func }[] = [];
  readonly #known: Map<string, Func> = new Map();
  readonly #shared: boolean;

  constructor(shared: boolean) {
    this.#shared = shared;
  }

  /** A function from outside; each name is imported once. */
  import(name: string, parameters: readonly Type[], results: readonly Type[]): Func {
    const known = this.#imports.find((i) => i.name === name);
    if (known !== undefined) return known.func;
    const func = new Func(parameters, results);
    this.#imports.push({ name, func });
    return func;
  }

  /** The function of that name, made when it is first asked for. */
  once(name: string, make: () => Func): Func {
    const func = this.#known.get(name) ?? make();
    this.#known.set(name, func);
    return func;
  }

  /** Names of the imported functions. */
  get importNames(): readonly string[] {
    return this.#imports.map((i) => i.name);
  }

  get exportCount(): number {
    return this.#exports.length;
  }

  /** A function to be defined later, so that functions can call themselves and each other. */
  declare(parameters: readonly Type[], results: readonly Type[] = []): Func {
    const func = new Func(parameters, results);
    this.#functions.push(func);
    return func;
  }

  /** Gives a declared function its body: statements, then as many values as it has results. */
  define<const P extends readonly Type[]>(
    func: Func,
    _parameters: P,
    body: (scope: Scope, ...parameters: Locals<P>) => readonly (Statement | Value)[],
  ): Func {
    const local = <T extends Type>(type: T, index: number): Local<T> => ({
      ...value(type, 0x20, unsigned(index)),
      set: (x) => statement(x.code, 0x21, unsigned(index)),
    });
    const scope: Scope = {
      local: (type) => local(type, func.parameters.length + func.locals.push(type) - 1),
    };
    const parameters = func.parameters.map((type, i) => local(type, i)) as unknown as Locals<P>;
    const parts = body(scope, ...parameters);
    func.body = () =>
      flatten(
        parts.map((p) => p.code),
        [],
      );
    return func;
  }

  /** Defines and, if named, exports a function. */
  function<const P extends readonly Type[]>(
    name: string | null,
    parameters: P,
    results: readonly Type[],
    body: (scope: Scope, ...parameters: Locals<P>) => readonly (Statement | Value)[],
  ): Func {
    const func = this.define(this.declare(parameters, results), parameters, body);
    if (name !== null) this.#exports.push({ name, func });
    return func;
  }

  build(): Uint8Array<ArrayBuffer> {
    const types: string[] = [];
    const signatures: number[][] = [];
    const typeIndex = ({ parameters, results }: Func): number => {
      const key = `${parameters}:${results}`;
      const known = types.indexOf(key);
      if (known >= 0) return known;
      signatures.push([
        0x60,
        ...vector(parameters.map((t) => [typeBytes[t]])),
        ...vector(results.map((t) => [typeBytes[t]])),
      ]);
      return types.push(key) - 1;
    };
    this.#imports.forEach(({ func }, i) => {
      func.index = i;
    });
    this.#functions.forEach((func, i) => {
      func.index = this.#imports.length + i;
    });
    const limits = this.#shared ? [3, 1, ...unsigned(65536)] : [0, 1];
    const imports = [
      [...name("env"), ...name("memory"), 2, ...limits],
      ...this.#imports.map((i) => [...name("env"), ...name(i.name), 0, ...unsigned(typeIndex(i.func))]),
    ];
    const functions = this.#functions.map((f) => unsigned(typeIndex(f)));
    const exports = this.#exports.map((e) => [...name(e.name), 0, ...unsigned(e.func.index)]);
    const bodies = this.#functions.map((func) => {
      const locals = vector(func.locals.map((t) => [1, typeBytes[t]]));
      const code = func.body();
      return [...unsigned(locals.length + code.length + 1), ...locals, ...code, 0x0b];
    });
    const section = (id: number, items: readonly number[][]): number[] => {
      const content = vector(items);
      return [id, ...unsigned(content.length), ...content];
    };
    const sections = [section(2, imports), section(3, functions), section(7, exports), section(10, bodies)];
    return new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, signatures), ...sections.flat()]);
  }
}

const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
const name = (text: string): number[] => vector([...text].map((c) => [c.charCodeAt(0)]));
