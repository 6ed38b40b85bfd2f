export {
  AUC,
  FalseNegatives,
  FalsePositives,
  Precision,
  PrecisionAtRecall,
  Recall,
  RecallAtPrecision,
  SensitivityAtSpecificity,
  SpecificityAtSensitivity,
  TrueNegatives,
  TruePositives,
} from "./confusion.ts";
export { BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU } from "./iou.ts";
export * from "./means.ts";
export { Mean, Sum } from "./metric.ts";
export { F1Score, FBetaScore, R2Score, RootMeanSquaredError } from "./scores.ts";
