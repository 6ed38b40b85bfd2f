/** Prints the median milliseconds of a step as a line of JSON: library, case, milliseconds. */
export function report(library: string, name: string, step: () => void): void {
  for (let i = 0; i < 30; i++) step();
  const samples: number[] = [];
  for (const end = performance.now() + 2000; performance.now() < end; ) {
    const start = performance.now();
    step();
    samples.push(performance.now() - start);
  }
  samples.sort((a, b) => a - b);
  console.log(JSON.stringify([library, name, samples[samples.length >> 1]]));
}
