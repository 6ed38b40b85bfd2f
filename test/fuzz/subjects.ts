import { dataFiles } from "./data-files.ts";
import { modelFiles } from "./model-files.ts";
import type { Subject } from "./subject.ts";
import { tensorFiles } from "./tensor-files.ts";

/** Every format of files that is read. */
export const subjects: readonly Subject[] = [...tensorFiles, ...modelFiles, ...dataFiles];
