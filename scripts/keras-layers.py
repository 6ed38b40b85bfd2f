"""Writes test/vectors/keras-layers.json: small cases of layers, computed by Keras, to compare ours with.

Run it with Keras 3.15 and JAX: KERAS_BACKEND=jax python scripts/keras-layers.py
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import layers as L
from keras.src.layers.preprocessing.discretization import get_bin_boundaries, merge_summaries, summarize

rng = np.random.default_rng(7)
cases = []


def numbers(*shape, low=-1.0, high=1.0):
    return rng.uniform(low, high, shape).astype("float32")


def integers(*shape, high):
    return rng.integers(0, high, shape).astype("int32")


def array(x):
    x = np.asarray(x)
    kind = "bool" if x.dtype == bool else "int32" if np.issubdtype(x.dtype, np.integer) else "float32"
    data = x.reshape(-1)
    values = [float(f"{v:.7g}") for v in data] if kind == "float32" else [int(v) for v in data]
    return {"shape": list(x.shape), "dtype": kind, "data": values}


def plain(config):
    """Options without what every layer has, so that the file stays small."""
    if isinstance(config, dict):
        inner = {k: plain(v) for k, v in config.items() if k not in ("module", "registered_name", "build_config", "dtype")}
        if inner.get("class_name") == "DTypePolicy":
            return None
        return {k: v for k, v in inner.items() if v is not None or k in ("merge_mode",)}
    if isinstance(config, (list, tuple)):
        return [plain(v) for v in config]
    return config


def fill(layer):
    for w in layer.weights:
        if np.issubdtype(np.dtype(str(w.dtype)), np.integer):
            continue
        positive = any(part in w.path for part in ("variance", "moving_var"))
        w.assign(numbers(*w.shape, low=0.5 if positive else -0.7, high=1.5 if positive else 0.7))
    if isinstance(layer, L.Normalization):
        layer.finalize_state()


def case(layer, *inputs, training=None, mask=None, listed=False, gradients=True, **options):
    """One call. `mask` is given by argument; `options` are further arguments of the call."""
    given = [jnp.asarray(x) for x in inputs]
    positional = [list(given)] if listed else given
    kwargs = {k: jax.tree_util.tree_map(jnp.asarray, v) if not isinstance(v, bool) else v for k, v in options.items()}
    if mask is not None:
        kwargs["mask"] = [None if m is None else jnp.asarray(m) for m in mask] if isinstance(mask, list) else jnp.asarray(mask)
    if training is not None:
        kwargs["training"] = training
    config = plain(layer.get_config())
    layer(*positional, **kwargs)
    fill(layer)
    weights = [array(w.value) for w in layer.weights]
    trainable = [w.value for w in layer.trainable_variables]
    rest = [w.value for w in layer.non_trainable_variables]
    differentiable = [x for x in given if jnp.issubdtype(x.dtype, jnp.floating)] if gradients else []

    def run(tv, xs):
        it = iter(xs)
        own = [next(it) if jnp.issubdtype(x.dtype, jnp.floating) and gradients else x for x in given]
        y, after = layer.stateless_call(tv, rest, *([own] if listed else own), **kwargs)
        return [jnp.asarray(o, "float32") for o in jax.tree_util.tree_leaves(y)], after

    outputs, pullback, after = jax.vjp(run, trainable, differentiable, has_aux=True)
    cotangents = [jnp.asarray(numbers(*o.shape)) for o in outputs]
    of_weights, of_inputs = pullback(cotangents)
    eager = layer(*positional, **kwargs)
    first = jax.tree_util.tree_leaves(eager)[0]
    out_mask = getattr(first, "_keras_mask", None)
    entry = {
        "layer": keras.saving.serialize_keras_object(layer)["class_name"],
        "config": config,
        "inputs": [array(x) for x in inputs],
        "weights": weights,
        "outputs": [array(o) for o in outputs],
    }
    if gradients and (trainable or differentiable):
        entry["cotangents"] = [array(c) for c in cotangents]
        entry["gradInputs"] = [array(g) for g in of_inputs]
        entry["gradWeights"] = [array(g) for g in of_weights]
    if training is not None:
        entry["training"] = training
        entry["after"] = [array(a) for a in after if jnp.issubdtype(jnp.asarray(a).dtype, jnp.floating)]
    if mask is not None:
        entry["mask"] = [None if m is None else array(m) for m in mask] if isinstance(mask, list) else array(mask)
    if out_mask is not None:
        entry["outputMask"] = array(out_mask)
    if options:
        entry["options"] = {
            k: v if isinstance(v, bool) else [array(t) for t in v] if isinstance(v, list) else array(v)
            for k, v in options.items()
        }
    cases.append(entry)


def transform(layer, images, amounts, transformation):
    """Images under given transformations, instead of drawn ones."""
    y = layer.transform_images(jnp.asarray(images), transformation, training=True)
    cases.append(
        {
            "layer": layer.__class__.__name__,
            "title": "transform",
            "config": plain(layer.get_config()),
            "inputs": [array(images)],
            "weights": [],
            "amounts": {k: array(v) for k, v in amounts.items()},
            "outputs": [array(y)],
        }
    )


steps_mask = np.array([[True, True, False, True], [True, False, False, False]])
steps = numbers(2, 4, 3)

# Recurrent layers: states, directions, masks, cells.
for make, states in ((L.SimpleRNN, 1), (L.LSTM, 2), (L.GRU, 1)):
    case(make(2, return_sequences=True, return_state=True), steps)
    case(make(2, return_state=True), steps, initial_state=[numbers(2, 2) for _ in range(states)])
    case(make(2, return_sequences=True, go_backwards=True), steps, mask=steps_mask)
    case(make(2, use_bias=False, activation="relu"), steps, mask=steps_mask)
case(L.GRU(2, reset_after=False, return_sequences=True), steps, mask=steps_mask)
case(L.RNN(L.LSTMCell(2), return_sequences=True, return_state=True, zero_output_for_mask=True), steps, mask=steps_mask)
case(L.RNN([L.GRUCell(2), L.SimpleRNNCell(3)], return_sequences=True), steps)
for mode in ("concat", "sum", "mul", "ave", None):
    case(L.Bidirectional(L.LSTM(2, return_sequences=True), merge_mode=mode), steps, mask=steps_mask if mode != "mul" else None)
case(L.Bidirectional(L.GRU(2, return_state=True)), steps)
case(L.Bidirectional(L.GRU(2)), steps, initial_state=[numbers(2, 2), numbers(2, 2)])
case(L.Bidirectional(L.LSTM(2), backward_layer=L.SimpleRNN(3, go_backwards=True)), steps)
case(L.TimeDistributed(L.Dense(2, activation="tanh")), steps, mask=steps_mask)
case(L.TimeDistributed(L.Conv1D(2, 2)), numbers(2, 2, 4, 1))

# Masks.
case(L.Masking(), np.array([[[1, 2], [0, 0]], [[0, 3], [0, 0]]], "float32"))
case(L.Embedding(5, 2, mask_zero=True), np.array([[1, 0, 4]], "int32"))
case(L.GlobalAveragePooling1D(), steps, mask=steps_mask)
case(L.BatchNormalization(), steps, mask=steps_mask, training=True)
case(L.Softmax(), numbers(2, 4), mask=steps_mask)
case(L.Softmax(axis=(1, 2)), steps)

# Attention.
queries, values, keys = numbers(2, 3, 4), numbers(2, 4, 5), numbers(2, 4, 2)
case(L.MultiHeadAttention(2, 3), queries, queries)
case(L.MultiHeadAttention(2, 3, value_dim=2, output_shape=3), queries, values, keys, return_attention_scores=True)
case(L.MultiHeadAttention(2, 3, use_bias=False), queries, queries, use_causal_mask=True, return_attention_scores=True)
case(L.MultiHeadAttention(1, 2, use_gate=True, sliding_window=2), queries, queries, return_attention_scores=True)
case(L.MultiHeadAttention(1, 2), queries, values, value_mask=steps_mask, return_attention_scores=True)
case(L.MultiHeadAttention(1, 2), queries, values, attention_mask=rng.random((2, 3, 4)) < 0.7, return_attention_scores=True)
case(L.GroupQueryAttention(2, 4, 2), queries, values)
for options in ({}, {"use_scale": True}, {"score_mode": "concat", "use_scale": True}):
    case(L.Attention(**options), numbers(2, 3, 2), numbers(2, 4, 2), listed=True)
case(L.Attention(), numbers(2, 3, 2), numbers(2, 4, 2), numbers(2, 4, 2), listed=True, mask=[np.array([[1, 1, 0], [1, 1, 1]], bool), steps_mask, None])
case(L.Attention(), numbers(2, 3, 2), numbers(2, 3, 2), listed=True, use_causal_mask=True, return_attention_scores=True)
case(L.AdditiveAttention(), numbers(2, 3, 2), numbers(2, 4, 2), listed=True)
case(L.AdditiveAttention(use_scale=False), numbers(2, 3, 2), numbers(2, 4, 2), listed=True)

# Dense by an equation.
case(L.EinsumDense("ab,bc->ac", output_shape=4, bias_axes="c"), numbers(2, 3))
case(L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"), numbers(2, 2, 3))
case(L.EinsumDense("ab...,bc->ac...", output_shape=(4,), bias_axes="c", activation="relu"), numbers(2, 3, 2))
case(L.EinsumDense("...x,xy->...y", output_shape=4, bias_axes="y"), numbers(2, 2, 3))
case(L.EinsumDense("abc,bcd->abd", output_shape=(2, 4), bias_axes="b"), numbers(2, 2, 3))

# Merging.
a, b = numbers(2, 3, 2), numbers(2, 3, 2)
for make in (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Concatenate):
    case(make(), a, b, listed=True)
case(L.Add(), a, numbers(2, 1, 2), numbers(2, 3, 1), listed=True)
case(L.Concatenate(axis=1), a, numbers(2, 2, 2), listed=True)
case(L.Dot(axes=1), numbers(2, 3), numbers(2, 3), listed=True)
case(L.Dot(axes=(2, 1), normalize=True), a, numbers(2, 2, 4), listed=True)
case(L.Dot(axes=(1, 1)), a, numbers(2, 3, 4), listed=True)
case(L.Dot(axes=-1), a, b, listed=True)

# Normalising.
images = numbers(2, 3, 4, 4)
case(L.BatchNormalization(axis=1, momentum=0.8, epsilon=0.01), numbers(2, 3, 4), training=True)
case(L.BatchNormalization(scale=False), numbers(3, 4), training=False)
case(L.BatchNormalization(center=False), images[:, :2, :2], training=True)
case(L.LayerNormalization(axis=(1, 2)), numbers(2, 3, 4))
case(L.LayerNormalization(epsilon=0.1, center=False), numbers(2, 4))
case(L.GroupNormalization(groups=2), images[:, :2, :2])
case(L.GroupNormalization(groups=-1), numbers(2, 3, 4))
case(L.GroupNormalization(groups=1, scale=False), numbers(2, 3, 4))
case(L.RMSNormalization(), numbers(2, 3, 4))
case(L.UnitNormalization(axis=1), numbers(2, 3, 2))
case(L.SpectralNormalization(L.Dense(3), power_iterations=3), numbers(2, 4), training=False)
case(L.Normalization(mean=[0.5, 1.0], variance=[2.0, 0.25]), numbers(3, 2))
case(L.Normalization(axis=None, mean=0.5, variance=2.0, invert=True), numbers(3, 2))
case(L.Normalization(axis=(1, 2)), numbers(2, 2, 3))

# Convolutions that nothing else compares.
sequences = numbers(2, 7, 2)
case(L.SeparableConv1D(3, 3, depth_multiplier=2, strides=2, padding="same", activation="elu"), sequences)
case(L.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), sequences)
case(L.DepthwiseConv1D(2, strides=2, use_bias=False), sequences)
case(L.Conv1DTranspose(2, 3, strides=2, padding="same", output_padding=1), sequences)
case(L.Conv1DTranspose(2, 3, strides=2, padding="valid", output_padding=0), sequences)
case(L.Conv1DTranspose(2, 3, dilation_rate=2, padding="same"), sequences)
case(L.Conv1DTranspose(2, 2, strides=3), sequences)
case(L.Conv2DTranspose(2, (3, 2), strides=(2, 1), padding="same"), numbers(1, 3, 3, 2))
case(L.Conv3DTranspose(2, 2, strides=2), numbers(1, 2, 2, 1, 2))
case(L.Conv3DTranspose(1, (2, 3, 1), strides=(1, 2, 1), padding="same"), numbers(1, 2, 2, 2, 2))
case(L.Conv3D(2, (2, 1, 2), padding="same", groups=2), numbers(1, 3, 2, 2, 2))
case(L.Conv2D(4, 3, groups=2, dilation_rate=2), numbers(1, 5, 5, 2))

# Shapes.
volumes = numbers(1, 2, 3, 2, 2)
case(L.ZeroPadding1D((1, 2)), sequences)
case(L.ZeroPadding3D(((1, 0), (0, 1), (2, 1))), volumes)
case(L.Cropping1D((1, 2)), sequences)
case(L.Cropping3D(((0, 1), (1, 1), (0, 0))), volumes)
case(L.UpSampling1D(3), sequences)
case(L.UpSampling3D((2, 1, 2)), volumes)
for method in ("bilinear", "bicubic", "lanczos3"):
    case(L.UpSampling2D((2, 3), interpolation=method), numbers(1, 3, 2, 1))
for make in (L.AdaptiveAveragePooling1D, L.AdaptiveMaxPooling1D):
    case(make(3), sequences)
for make in (L.AdaptiveAveragePooling2D, L.AdaptiveMaxPooling2D):
    case(make((2, 3)), numbers(1, 5, 4, 2))
for make in (L.AdaptiveAveragePooling3D, L.AdaptiveMaxPooling3D):
    case(make(2), numbers(1, 3, 4, 2, 1))
for make in (L.MaxPooling3D, L.AveragePooling3D):
    case(make(2, padding="same"), volumes)
case(L.GlobalAveragePooling3D(keepdims=True), volumes)
case(L.GlobalMaxPooling3D(), volumes)
case(L.Identity(), numbers(2, 3))
case(L.Rescaling(0.5, offset=1.0), numbers(2, 3))
case(L.ActivityRegularization(l1=0.1), numbers(2, 3))

# Images.
pictures = numbers(2, 5, 6, 2, low=0, high=255)
for options in (
    {},
    {"interpolation": "nearest"},
    {"interpolation": "bicubic"},
    {"interpolation": "lanczos5"},
    {"crop_to_aspect_ratio": True},
    {"pad_to_aspect_ratio": True, "fill_value": 3.0},
    {"antialias": True},
):
    case(L.Resizing(4, 3, **options), pictures[:1, :, :, :1], gradients=False)
case(L.Resizing(7, 9, interpolation="nearest"), pictures[:1, :, :, :1], gradients=False)
case(L.CenterCrop(2, 3), pictures, gradients=False)
case(L.CenterCrop(7, 8), pictures[:1, :, :, :1], gradients=False)

angles = np.array([30.0, -100.0], "float32")
for mode in ("constant", "nearest", "reflect", "wrap"):
    for method in ("bilinear", "nearest"):
        options = {"fill_mode": mode, "interpolation": method, "fill_value": 7.0}
        small = pictures[:, :4, :5, :1]
        layer = L.RandomRotation(0.3, **options)
        matrix = layer._compute_affine_matrix(0.5, 0.5, jnp.asarray(angles), *[jnp.zeros(2)] * 2, jnp.ones(2), *[jnp.zeros(2)] * 2, 4, 5)
        transform(layer, small, {"angles": np.deg2rad(angles)}, {"rotation_matrix": matrix})
        shifts = np.array([[1.5, -2.0], [-3.25, 0.75]], "float32")
        transform(L.RandomTranslation(0.3, 0.3, **options), small, {"down": shifts[:, 1], "right": shifts[:, 0]}, {"translations": jnp.asarray(shifts)})
        high, wide = np.array([[0.6], [1.4]], "float32"), np.array([[0.8], [1.7]], "float32")
        transform(L.RandomZoom(0.3, 0.3, **options), small, {"high": high, "wide": wide}, {"height_zoom": jnp.asarray(high), "width_zoom": jnp.asarray(wide), "input_shape": small.shape})

# Categories.
for mode in ("one_hot", "multi_hot", "count"):
    case(L.CategoryEncoding(num_tokens=4, output_mode=mode), integers(3, 2, high=4), gradients=False)
case(L.CategoryEncoding(num_tokens=4, output_mode="one_hot"), integers(3, 1, high=4), gradients=False)
case(L.Discretization(bin_boundaries=[-0.5, 0.0, 0.4]), numbers(2, 5), gradients=False)
case(L.Discretization(bin_boundaries=[-0.5, 0.0], output_mode="count"), numbers(2, 5), gradients=False)
for size in (7, 500):
    data = numbers(size)
    summary = merge_summaries(summarize(data, 0.05), np.array([[], []], dtype="float32"), 0.05)
    boundaries = [float(v) for v in get_bin_boundaries(summary, 4)]
    cases.append({"layer": "Discretization", "title": "adapt", "config": {"num_bins": 4, "epsilon": 0.05}, "inputs": [array(data)], "weights": [], "boundaries": boundaries, "outputs": []})

# Dot products along any two axes.
case(L.Dot(axes=(1, 3)), numbers(2, 3, 2), numbers(2, 2, 1, 3), listed=True)
case(L.Dot(axes=(-1, 2), normalize=True), numbers(2, 2, 1, 3), numbers(2, 2, 3), listed=True)
case(L.Dot(axes=(1, 2)), numbers(2, 3), numbers(2, 4, 3), listed=True)
case(L.Dot(axes=(2, 1)), numbers(2, 4, 3), numbers(2, 3), listed=True)

# Running averages in training, and layer normalisation as it was before RMSNormalization.
for clipping in (None, {"rmax": 1.05, "rmin": 0.9, "dmax": 0.1}):
    layer = L.BatchNormalization(renorm=True, renorm_clipping=clipping, renorm_momentum=0.7, epsilon=0.01)
    case(layer, numbers(3, 2, 4), training=True)
case(L.BatchNormalization(axis=1, renorm=True, scale=False, center=False), numbers(3, 2, 4), training=False)
case(L.LayerNormalization(axis=(1, 2), rms_scaling=True), numbers(2, 3, 4))

case(L.CategoryEncoding(num_tokens=4, output_mode="count"), integers(3, 2, high=4), gradients=False, count_weights=numbers(3, 2))

# Attention along other axes.
grid = numbers(2, 2, 3, 4)
case(L.MultiHeadAttention(2, 3, attention_axes=1), grid, grid, return_attention_scores=True)
case(L.MultiHeadAttention(2, 3, attention_axes=2, output_shape=(2, 2)), grid, numbers(2, 2, 4, 5), return_attention_scores=True)
case(L.MultiHeadAttention(1, 2, attention_axes=(1, 2), value_dim=3), grid, numbers(2, 1, 2, 4), numbers(2, 1, 2, 3), return_attention_scores=True)
case(L.MultiHeadAttention(2, 3), grid, grid)
case(L.MultiHeadAttention(1, 2, attention_axes=-2), grid, grid, attention_mask=rng.random((2, 3, 3)) < 0.7, return_attention_scores=True)

path = pathlib.Path(__file__).parent.parent / "test" / "vectors" / "keras-layers.json"
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")
