"""Writes test/vectors/keras-scores.json: small cases of losses and metrics, computed by Keras, to compare ours with.

Run it with Keras 3.15 and PyTorch: KERAS_BACKEND=torch python scripts/keras-scores.py
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

rng = np.random.default_rng(11)
cases = []


def numbers(*shape, low=0.05, high=0.95):
    return rng.uniform(low, high, shape).astype("float32")


def labels(*shape, high):
    return rng.integers(0, high, shape).astype("int32")


def one_hot(n, classes):
    return np.eye(classes, dtype="float32")[labels(n, high=classes)]


def probabilities(n, classes):
    x = numbers(n, classes)
    return x / x.sum(axis=-1, keepdims=True)


def array(x):
    x = np.asarray(x)
    whole = np.issubdtype(x.dtype, np.integer)
    data = [int(v) for v in x.reshape(-1)] if whole else [float(f"{v:.7g}") for v in x.reshape(-1)]
    return {"shape": list(x.shape), "dtype": "int32" if whole else "float32", "data": data}


def loss(name, args, y_true, y_pred, sample_weight=None):
    p = torch.tensor(y_pred, requires_grad=True)
    value = getattr(keras.losses, name)(**args)(y_true, p, sample_weight)
    value.sum().backward()
    entry = {"kind": "loss", "name": name, "config": args, "yTrue": array(y_true), "yPred": array(y_pred)}
    entry |= {"value": array(value.detach().numpy()), "gradient": array(p.grad.numpy())}
    if sample_weight is not None:
        entry["sampleWeight"] = array(sample_weight)
    cases.append(entry)


def metric(name, args, *updates):
    m = getattr(keras.metrics, name)(**args)
    for update in updates:
        m.update_state(*update)
    result = float(np.mean(keras.ops.convert_to_numpy(m.result())))
    rows = [[array(x) for x in update] for update in updates]
    cases.append({"kind": "metric", "name": name, "config": args, "updates": rows, "result": result})


t, p = one_hot(4, 3), probabilities(4, 3)
masks, guesses = (numbers(2, 3, 2) > 0.5).astype("float32"), numbers(2, 3, 2)
for reduction in ("sum", "none", "sum_over_batch_size", "mean_with_sample_weight"):
    loss("CategoricalCrossentropy", {"reduction": reduction, "label_smoothing": 0.1}, t, p, numbers(4))
loss("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, labels(4, high=3), p)
embeddings = numbers(6, 3, low=-1)
loss("Circle", {"gamma": 8.0, "margin": 0.3}, np.array([0, 1, 0, 1, 1, 0], "int32"), embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))
loss("Circle", {"gamma": 8.0, "remove_diagonal": False}, np.array([0, 1, 0, 1, 1, 0], "int32"), embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))
loss("CTC", {}, np.array([[1, 2, 2], [3, 0, 0], [1, 3, 0]], "int32"), numbers(3, 7, 4, low=-2, high=2))
loss("Dice", {"axis": [1, 2]}, masks, guesses)
loss("Dice", {}, masks, guesses)
loss("Tversky", {"alpha": 0.3, "beta": 0.8, "axis": [1, 2]}, masks, guesses)
loss("Tversky", {"alpha": 0.3, "beta": 0.8}, masks, guesses)
loss("BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 1.5}, (p > 0.3).astype("float32"), p)
loss("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, labels(4, high=3), numbers(4, 3, low=-2, high=2))
loss("Huber", {"delta": 0.3}, numbers(3, 2), numbers(3, 2))
loss("CosineSimilarity", {"axis": 0}, numbers(3, 2), numbers(3, 2))

x, y, w = numbers(5, 3), numbers(5, 3), numbers(5)
for name in (
    "MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError RootMeanSquaredError "
    "LogCoshError CosineSimilarity PearsonCorrelation ConcordanceCorrelation Poisson KLDivergence Hinge SquaredHinge "
    "CategoricalHinge"
).split():
    metric(name, {}, (x, y, w), (y, x, w))
metric("Mean", {}, (x, w[:, None] * np.ones_like(x)))
metric("Sum", {}, (x, w[:, None] * np.ones_like(x)))
metric("R2Score", {"class_aggregation": "variance_weighted_average"}, (x, y), (y, x))
metric("R2Score", {"num_regressors": 2}, (x, y, w))
metric("Accuracy", {}, (labels(6, 1, high=3), labels(6, 1, high=3)))
metric("BinaryAccuracy", {"threshold": 0.3}, ((x > 0.5).astype("float32"), y, w))
metric("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ((x > 0.5).astype("float32"), y))
metric("CategoricalCrossentropy", {"label_smoothing": 0.1}, (t, p, numbers(4)))
metric("SparseCategoricalCrossentropy", {"from_logits": True}, (labels(4, high=3), numbers(4, 3)))
metric("SparseTopKCategoricalAccuracy", {"k": 2}, (labels(5, high=3), y))
metric("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, (labels(5, high=4), np.argsort(-numbers(5, 4)).astype("float32")))
metric("TopKCategoricalAccuracy", {"k": 2}, (one_hot(5, 3), y))

binary, scores = labels(40, high=2), np.round(numbers(40), 2)
weights = numbers(40)
for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall"):
    metric(name, {"thresholds": [0.3, 0.71]}, (binary, scores, weights))
several, guesses = (numbers(6, 4) > 0.5).astype("float32"), numbers(6, 4)
for name in ("Precision", "Recall"):
    metric(name, {"top_k": 2}, (several, guesses))
    metric(name, {"class_id": 1}, (several, guesses, numbers(6)))
    metric(name, {"class_id": 1, "top_k": 2, "thresholds": 0.4}, (several, guesses))
for curve in ("ROC", "PR"):
    for method in ("interpolation", "minoring", "majoring"):
        metric("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 20}, (binary, scores, weights))
metric("AUC", {"multi_label": True, "num_labels": 4, "num_thresholds": 10}, (several, guesses))
metric("AUC", {"multi_label": True, "num_labels": 4, "label_weights": [1.0, 2.0, 0.5, 1.0], "num_thresholds": 10}, (several, guesses))
metric("AUC", {"from_logits": True}, (binary, 4 * scores - 2))
metric("AUC", {"thresholds": [0.2, 0.5, 0.8]}, (binary, scores))
metric("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 30}, (binary, scores, weights))
metric("RecallAtPrecision", {"precision": 0.5}, (binary, scores))
metric("SensitivityAtSpecificity", {"specificity": 0.4}, (binary, scores))
metric("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, (binary, scores))
for average in ("micro", "macro", "weighted"):
    metric("F1Score", {"average": average}, (one_hot(8, 3), probabilities(8, 3), numbers(8)))
    metric("FBetaScore", {"average": average, "beta": 2.0, "threshold": 0.5}, (several, guesses))

classes, found = labels(12, high=3), labels(12, high=3)
metric("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, (classes, found, labels(12, high=3)))
metric("MeanIoU", {"num_classes": 3, "ignore_class": 1}, (classes, found))
metric("BinaryIoU", {"target_class_ids": [1], "threshold": 0.4}, (binary, scores))
metric("OneHotIoU", {"num_classes": 3, "target_class_ids": [1]}, (one_hot(9, 3), probabilities(9, 3)))
metric("OneHotMeanIoU", {"num_classes": 3}, (one_hot(9, 3), probabilities(9, 3)))

path = pathlib.Path(__file__).parent.parent / "test" / "vectors" / "keras-scores.json"
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")
