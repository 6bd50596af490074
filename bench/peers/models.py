"""Other libraries that predict one row with the same trees; each in a process of its own, with `.bench-venv`'s Python.

    python -m bench.peers.models NAME FOLDER        prints one JSON object: p50_ns and p99_ns of a call, its version

FOLDER has model.json (XGBoost's), model.txt (LightGBM's) and rows.npy (float32). A call gets one fresh row and returns
its prediction, through the fastest call from Python that the library documents, with one thread. This module imports
nothing of the engine.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

CALLS, WARM = 20_000, 500
Call = Callable[[Any], Any]


def xgboost(folder: Path) -> Call:
    """`inplace_predict`, which skips the DMatrix."""
    import xgboost

    booster = xgboost.Booster(model_file=str(folder / "model.json"))
    booster.set_param({"nthread": 1})
    return booster.inplace_predict


def lightgbm(folder: Path) -> Call:
    """`predict` of a booster."""
    import lightgbm

    booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
    return lambda row: booster.predict(row, num_threads=1)


def lleaves(folder: Path) -> Call:
    """LightGBM's trees compiled by LLVM."""
    import lleaves

    model = lleaves.Model(model_file=str(folder / "model.txt"))
    model.compile()
    return lambda row: model.predict(row, n_jobs=1)


def onnxruntime(folder: Path) -> Call:
    """A session of one thread, on the tree ensemble that onnxmltools makes of XGBoost's model."""
    import onnxruntime
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = xgboost.Booster(model_file=str(folder / "model.json"))
    kinds = [("rows", FloatTensorType([None, booster.num_features()]))]
    made = convert_xgboost(booster, initial_types=kinds)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [session.get_outputs()[-1].name]
    return lambda row: session.run(names, {"rows": row})


def treelite(folder: Path) -> Call:
    """XGBoost's trees compiled to C by tl2cgen."""
    import tl2cgen
    import treelite

    model = treelite.frontend.load_xgboost_model(str(folder / "model.json"))
    library = folder / "model.so"
    tl2cgen.export_lib(model, toolchain="gcc", libpath=str(library), params={}, verbose=False)
    predictor = tl2cgen.Predictor(str(library), nthread=1)
    return lambda row: predictor.predict(tl2cgen.DMatrix(row))


PEERS = {one.__name__: one for one in (xgboost, lightgbm, lleaves, onnxruntime, treelite)}
PACKAGES = {"xgboost": "xgboost-cpu", "treelite": "tl2cgen"}


def main() -> None:
    """Measure one peer."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    call = PEERS[name](folder)
    rows = [np.ascontiguousarray(row[None]) for row in np.load(folder / "rows.npy")]
    times = []
    for number in range(WARM + CALLS):
        row = rows[number % len(rows)]
        begin_ns = time.perf_counter_ns()
        call(row)
        times.append(time.perf_counter_ns() - begin_ns)
    p50, p99 = np.percentile(times[WARM:], [50, 99])
    print(json.dumps({"p50_ns": float(p50), "p99_ns": float(p99), "version": version(PACKAGES.get(name, name))}))


if __name__ == "__main__":
    main()
