import { optionsOf, type Serialized } from "../config.ts";
import { unknownName } from "../errors.ts";
import { customInstance } from "../saving/scope.ts";
import type { Schedule } from "./schedule.ts";
import * as all from "./schedules.ts";

const byName: Readonly<Record<string, unknown>> = { ...all };

/** The schedule that a file describes. @throws {ArgumentError} for an unknown name. */
export function resolveSchedule(given: Serialized): Schedule {
  const own = customInstance(given);
  if (own !== null) return own as Schedule;
  const type = Object.hasOwn(byName, given.class_name) ? byName[given.class_name] : undefined;
  if (type === undefined) throw unknownName("compile", "schedule", given.class_name, Object.keys(byName));
  return new (type as new (options: object) => Schedule)(optionsOf(given.config));
}
