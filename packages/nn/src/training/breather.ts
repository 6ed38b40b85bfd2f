/** Other work gets its turn after at most this long, in milliseconds. */
const turn = 50;

/** Lets timers, signals and input be served now and then, without giving up the thread at every batch. */
export class Breather {
  private last: number = performance.now();

  due(): boolean {
    return performance.now() - this.last >= turn;
  }

  async breathe(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (typeof setImmediate === "function") setImmediate(resolve);
      else setTimeout(resolve, 0);
    });
    this.last = performance.now();
  }
}
