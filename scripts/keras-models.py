"""Writes test/vectors/keras-models.json: small functional models with masks and states, as Keras describes and runs them.

Run it with Keras 3.15 and PyTorch: KERAS_BACKEND=torch python scripts/keras-models.py
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import Input, Model
from keras import layers as L

rng = np.random.default_rng(5)


def array(x):
    x = np.asarray(x)
    return {"shape": list(x.shape), "data": [float(f"{v:.7g}") for v in x.reshape(-1)]}


def masking():
    x = Input((4, 3))
    y = L.Masking()(x)
    z = L.LSTM(2, return_sequences=True)(y)
    w = L.Concatenate()([z, y])
    return Model(x, [L.Dense(1)(L.LSTM(2)(w)), L.Add()([z, z])])


def attention():
    x = Input((5,))
    e = L.Embedding(9, 4, mask_zero=True)(x)
    s = L.Add()([L.MultiHeadAttention(1, 2)(e, e), e])
    b = L.Bidirectional(L.GRU(2, return_sequences=True))(L.LayerNormalization()(s))
    return Model(x, L.GlobalAveragePooling1D()(b))


def translation():
    x, y = Input((5,)), Input((3,))
    _, h, c = L.LSTM(3, return_state=True)(L.Embedding(9, 2, mask_zero=True)(x))
    z = L.LSTM(3, return_sequences=True)(L.Embedding(9, 2)(y), initial_state=[h, c])
    return Model([x, y], L.TimeDistributed(L.Dense(2))(z))


steps = rng.normal(size=(2, 4, 3))
steps[0, 1] = steps[0, 3] = steps[1, 0] = 0
words = np.array([[1, 2, 3, 0, 0], [4, 0, 5, 6, 0]])
given = {masking: [steps], attention: [words], translation: [words, rng.integers(0, 9, (2, 3))]}

cases = []
for make, inputs in given.items():
    keras.utils.clear_session()
    model = make()
    for w in model.weights:
        w.assign(rng.uniform(-0.7, 0.7, w.shape).astype("float32"))
    xs = [np.asarray(x, "float32") for x in inputs]
    outputs = model(xs if len(xs) > 1 else xs[0], training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    cases.append(
        {
            "name": make.__name__,
            "config": keras.saving.serialize_keras_object(model)["config"],
            "weights": [array(keras.ops.convert_to_numpy(w)) for w in model.weights],
            "inputs": [array(x) for x in xs],
            "outputs": [array(keras.ops.convert_to_numpy(y)) for y in outputs],
        }
    )

path = pathlib.Path(__file__).parent.parent / "test" / "vectors" / "keras-models.json"
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")
