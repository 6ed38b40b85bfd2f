// Checked, not run: a program that has loaded no types of a platform, neither those of browsers nor those of Node.js.
import * as autograd from "@gradiente/autograd";
import { type CsvDataset, Dataset, readCsv } from "@gradiente/datasets";
import { Dense, type Logs, Sequential, type Signal } from "@gradiente/nn";

export const total: number = autograd.tensor([1, 2]).sum().item();
declare const signal: Signal;
export const stopped: boolean = signal.aborted;
const model = new Sequential([new Dense(1)]);
export const evaluated: Promise<Logs> = model.evaluate([[1]], [1], { signal });
// @ts-expect-error no signal
model.fit([[1]], [1], { signal: 5 });
export const rows: Dataset<unknown> = Dataset.fromArrays({ x: [1, 2] });
export const table: Promise<CsvDataset> = readCsv("somewhere.csv");
