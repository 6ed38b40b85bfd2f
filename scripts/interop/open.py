"""Opens what scripts/interop.ts wrote: with h5py, and with Keras where this Python has it.

python open.py FOLDER. Reads FOLDER/manifest.json, writes FOLDER/report.json and, with Keras, FOLDER/keras/*.
"""
import json
import os
import sys
import traceback
import warnings
import zipfile
from io import BytesIO

folder = sys.argv[1]
manifest = json.load(open(os.path.join(folder, "manifest.json")))
report = {"python": sys.version.split()[0], "h5py": None, "keras": None, "cases": {}}

try:
    import h5py
    import numpy as np

    report["h5py"] = h5py.__version__
except ImportError as error:
    report["skipped"] = str(error)
    json.dump(report, open(os.path.join(folder, "report.json"), "w"))
    sys.exit(0)

try:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    report["keras"] = keras.__version__
    report["backend"] = keras.backend.backend()
except ImportError as error:
    report["keras_skipped"] = str(error)


def array(value):
    return np.asarray(value["data"], dtype=value["dtype"]).reshape(value["shape"])


def key(a):
    # JSON has no negative zero.
    return (a.shape, a.dtype.str, (a + 0).tobytes())


def same(a, b):
    return a.shape == b.shape and np.array_equal(a, b)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def check_whole(case, path):
    """The layout of whole-model HDF5 files."""
    with h5py.File(path, "r") as f:
        assert {"keras_version", "backend", "model_config"} <= set(f.attrs), list(f.attrs)
        config = json.loads(text(f.attrs["model_config"]))
        assert set(config) >= {"class_name", "config"}
        group = f["model_weights"]
        names = [text(n) for n in group.attrs["layer_names"]]
        assert names == case["layers"], (names, case["layers"])
        values = [np.asarray(group[n][text(w)]) for n in names for w in group[n].attrs["weight_names"]]
        assert len(values) == len(case["legacy"])
        assert all(same(v, array(w)) for v, w in zip(values, case["legacy"])), "weights differ"
        training = json.loads(text(f.attrs["training_config"]))
        assert set(training) >= {"loss", "metrics", "optimizer_config"}
        arrays = f["optimizer_weights"]
        assert all(text(n) in arrays for n in arrays.attrs["weight_names"])


def check_weights(case, source):
    """The layout of model.weights.h5."""
    with h5py.File(source, "r") as f:
        found = []
        f.visititems(lambda name, o: found.append(name) if isinstance(o, h5py.Dataset) else None)
        # Of a wrapped layer's kernel there may be two copies, as in Keras.
        stored = {key(np.asarray(f[n])) for n in found if not n.startswith("optimizer/")}
        assert stored == {key(array(w)) for w in case["arrays"]}, "weights differ"
        count = len([n for n in found if n.startswith("optimizer/vars/")])
        assert all(f"optimizer/vars/{i}" in f for i in range(count))


def check_archive(case, path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        json.loads(archive.read("config.json"))
        check_weights(case, BytesIO(archive.read("model.weights.h5")))


def distance(found, expected):
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    return float(np.max(np.abs(found - expected), initial=0)) / scale


def outputs_of(model, inputs):
    given = [array(x) for x in inputs]
    result = model.predict(given if len(given) > 1 else given[0], verbose=0)
    return [np.asarray(y) for y in (result if isinstance(result, list) else [result])]


def apart(model, case):
    """The largest distance of any output from what was computed there."""
    outputs = outputs_of(model, case["inputs"])
    assert len(outputs) == len(case["outputs"]), f"{len(outputs)} outputs"
    return max(distance(y, array(e)) for y, e in zip(outputs, case["outputs"]))


def listed(a):
    return {"shape": list(a.shape), "data": np.asarray(a, dtype="float64").ravel().tolist()}


def with_keras(case, name, ending):
    path = os.path.join(folder, f"{name}.{ending}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = keras.models.load_model(path)
        told = [str(w.message) for w in caught if "optimizer" in str(w.message) or "Skipping" in str(w.message)]
    assert not told, told[0]
    far = apart(model, case)
    assert far <= 1e-5, f"predictions are {far:.1e} apart"
    result = {"distance": far}
    if ending == "keras":
        # The weights alone, into a model that has others.
        for w in model.weights:
            w.assign(np.zeros(w.shape, dtype=keras.backend.standardize_dtype(w.dtype)))
        model.load_weights(os.path.join(folder, f"{name}.weights.h5"))
        far = apart(model, case)
        assert far <= 1e-5, f"after load_weights predictions are {far:.1e} apart"
    inputs = [array(x) for x in case["inputs"]]
    targets = [array(y) for y in case["targets"]]
    one = lambda a: a if len(a) > 1 else a[0]
    if ending == "h5":
        # Keras 3 gives optimizers of these files no variables to train, also in files of its own.
        model.compile(optimizer=model.optimizer.__class__(), loss=model.loss)
    else:
        loss = model.train_on_batch(one(inputs), one(targets), return_dict=True)
        result["loss"] = float(loss["loss"])
        result["logs"] = sorted(loss)
    result["weights"] = [listed(np.asarray(w)) for w in model.get_weights()]
    result["outputs"] = [listed(y) for y in outputs_of(model, case["inputs"])]
    saved = os.path.join(folder, "keras", f"{name}.{ending}")
    model.save(saved)
    if ending == "keras":
        model.save_weights(os.path.join(folder, "keras", f"{name}.weights.h5"))
    return result


os.makedirs(os.path.join(folder, "keras"), exist_ok=True)
for name, case in manifest.items():
    results = report["cases"][name] = {}

    def attempt(label, check):
        try:
            results[label] = {"ok": True, **(check() or {})}
        except Exception as error:  # noqa: BLE001: every failure is reported by its case
            where = traceback.extract_tb(error.__traceback__)[-1]
            message = " ".join(str(error).split())[:400]
            results[label] = {"ok": False, "error": f"{type(error).__name__}: {message} ({where.name}:{where.lineno})"}

    file = lambda ending: os.path.join(folder, f"{name}.{ending}")
    attempt("h5py .h5", lambda: check_whole(case, file("h5")))
    attempt("h5py .keras", lambda: check_archive(case, file("keras")))
    attempt("h5py .weights.h5", lambda: check_weights(case, file("weights.h5")))
    if report["keras"]:
        if report["backend"] == "jax" and case["notOnJax"]:
            results["keras .keras"] = {"ok": False, "skipped": case["notOnJax"]}
            continue
        attempt("keras .keras", lambda: with_keras(case, name, "keras"))
        if case["notInH5"]:
            results["keras .h5"] = {"ok": False, "skipped": case["notInH5"]}
            continue
        attempt("keras .h5", lambda: with_keras(case, name, "h5"))

json.dump(report, open(os.path.join(folder, "report.json"), "w"))
