/** The loss and the metrics at one moment, by name; validation ones begin with `val_`. */
export interface Logs {
  readonly loss: number;
  readonly [name: string]: number;
}
