import { type Config, serialized } from "../config.ts";

/** A learning rate that depends on the number of updates made. */
export abstract class Schedule {
  /** Keras' class name. */
  abstract readonly className: string;
  /** The rate after `step` updates. */
  abstract at(step: number): number;
  abstract getConfig(): Config;
}

export function scheduleConfig(schedule: Schedule): Config {
  return serialized("keras.optimizers.schedules", schedule.className, schedule.getConfig());
}
