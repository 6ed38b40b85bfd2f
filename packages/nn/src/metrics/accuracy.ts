import { argmax, type Tensor } from "@gradiente/autograd";

/** 1 where targets and predictions are equal. */
export function accuracy(yTrue: Tensor, yPred: Tensor): Tensor {
  return yTrue.cast(yPred.dtype).equal(yPred).cast("float32");
}

/** 1 where a prediction is on the right side of `threshold` (default 0.5). */
export function binaryAccuracy(yTrue: Tensor, yPred: Tensor, threshold: number = 0.5): Tensor {
  return yTrue.cast(yPred.dtype).equal(yPred.greater(threshold).cast(yPred.dtype)).cast("float32");
}

/** 1 where the largest prediction is at the largest target. */
export function categoricalAccuracy(yTrue: Tensor, yPred: Tensor): Tensor {
  return argmax(yTrue, { axis: -1 })
    .equal(argmax(yPred, { axis: -1 }))
    .cast("float32");
}

/** 1 where the largest prediction is at the class given by its number. */
export function sparseCategoricalAccuracy(yTrue: Tensor, yPred: Tensor): Tensor {
  const flat = yTrue.rank === yPred.rank && yTrue.shape.at(-1) === 1 ? yTrue.reshape(yTrue.shape.slice(0, -1)) : yTrue;
  return argmax(yPred, { axis: -1 }).equal(flat.cast("int32")).cast("float32");
}
