import { unknownOption } from "../errors.ts";
import type { Backend } from "./backend.ts";
import { referenceBackend } from "./reference/index.ts";

/** Names of the backends there are. */
export type BackendName = "reference";

let current: Backend = referenceBackend;

/** The backend on which new tensors are made and operations run. */
export function backend(): Backend {
  return current;
}

/** Name of the backend in use. */
export function getBackend(): BackendName {
  return current.name as BackendName;
}

/**
 * Chooses where new tensors live and operations run.
 * @param name `"reference"`: readable JavaScript that computes in float64.
 * @throws {ArgumentError} when there is no backend of that name.
 */
export function setBackend(name: BackendName): void {
  if (name !== "reference") throw unknownOption("setBackend", "name", name, ["reference"]);
  current = referenceBackend;
}
