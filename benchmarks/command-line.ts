/** The options of a benchmark. */

/** Options that benchmarks have, and what is given with each. */
const meanings = { json: "FILE", threads: "N" } as const;

/**
 * What a command line gives to options, by name. Where it has others, says which there are and ends the program: a
 * measurement that was not asked for would take minutes.
 */
export function optionsOf<const N extends keyof typeof meanings>(
  names: readonly N[],
  args: readonly string[] = process.argv.slice(2),
): { readonly [name in N]?: string } {
  const values: { [name in N]?: string } = {};
  const refuse = (problem: string): never => {
    const known = names.map((name) => `--${name} ${meanings[name]}`).join(", ");
    console.error(`${problem}. There are: ${known}.`);
    return process.exit(2);
  };
  for (let i = 0; i < args.length; i += 2) {
    const [given, value] = [args[i]!, args[i + 1]];
    const name = names.find((own) => `--${own}` === given);
    if (name === undefined) return refuse(`There is no option ${given}`);
    if (value === undefined) return refuse(`${given} needs a value`);
    if (name === "threads" && !/^[1-9]\d*$/.test(value)) return refuse(`--threads is ${value}, not a number from 1`);
    values[name] = value;
  }
  return values;
}
