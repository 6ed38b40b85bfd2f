import type { Serialized } from "../config.ts";
import { unknownName } from "../errors.ts";
import { type Classes, knownOptions } from "../names.ts";
import { customInstance } from "../saving/scope.ts";
import type { Schedule } from "./schedule.ts";
import * as all from "./schedules.ts";

const byName: Classes<Schedule> = { ...all };

/** The schedule that a file describes. @throws {ArgumentError} for an unknown name. */
export function resolveSchedule(given: Serialized): Schedule {
  const own = customInstance(given);
  if (own !== null) return own as Schedule;
  const type = Object.hasOwn(byName, given.class_name) ? byName[given.class_name] : undefined;
  if (type === undefined) throw unknownName("compile", "schedule", given.class_name, Object.keys(byName));
  return new type(knownOptions(given.config, type.optionNames) as never);
}
