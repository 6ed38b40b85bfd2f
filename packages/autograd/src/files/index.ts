/** Reading and writing files of tensors. */
export { writeAtomically } from "./atomic.ts";
