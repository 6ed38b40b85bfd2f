import { argmax, type Tensor, tensor } from "@gradiente/autograd";

/** Up to so many scores, finding the largest takes less time here than launching kernels does. */
const fewScores = 2 ** 13;

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
  if (yPred.size > fewScores || yPred.rank !== flat.rank + 1) {
    return argmax(yPred, { axis: -1 }).equal(flat.cast("int32")).cast("float32");
  }
  const [labels, scores] = [flat.data, yPred.data];
  const hits = new Float32Array(labels.length);
  const classes = scores.length / (labels.length || 1);
  for (let i = 0; i < hits.length; i++)
    hits[i] = Number(largestOf(scores, i * classes, classes) === Math.trunc(labels[i]!));
  return tensor({ data: hits, shape: flat.shape });
}

/** Which of the scores from `start` on is the largest: the first at a tie, a NaN if there is one, as in argmax. */
function largestOf(scores: ArrayLike<number>, start: number, count: number): number {
  let best = 0;
  let most = scores[start]!;
  for (let c = 1; c < count && !Number.isNaN(most); c++) {
    const score = scores[start + c]!;
    if (score > most || Number.isNaN(score)) [best, most] = [c, score];
  }
  return best;
}
