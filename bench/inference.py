"""One prediction of boosted trees: the walker beside the libraries that train and serve them.

    python -m bench.inference [--json] [--quick]

100 trees of depth 6, trained on made data by XGBoost (and by LightGBM for the peers that read only its models), one
fresh row a call. Each contender is called from Python through its fastest documented call, in a process of its own, in
turn; the figures are medians of the rounds. Every figure includes the two readings of the clock around a call.

    walker_100x6_c       `walk` from compiled code           walker_100x6     `margin` from Python
    ..._cold             the caches are overwritten before each call
    walker_12k, 512k     models of that many nodes           signal           the hook below, to its decision
    load_first_ratio     the first prediction after a load ÷ the steady one

The hook of `signal`: a bar arrives, four indicators (rsi, macd, volume ratio, Bollinger share) are updated, scaled,
predicted, and compared with the thresholds of entry and exit. A figure of a part that does not exist is null.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import describe
from bench.peers.models import PEERS
from engine.indicators import Bollinger, Macd, Rsi, VolumeRatio
from engine.inference import Card, Feature, Output, Predictor, Scale, Scaling, Walker
from engine.inference.convert import read_xgboost
from engine.inference.trees import FLOAT, Split, Trees, build

ROOT = Path(__file__).resolve().parents[1]
TREES, DEPTH, FEATURES, ROWS = 100, 6, 20, 20_000
CALLS, COLD, COLD_BYTES = 100_000, 2_000, 64 << 20
PEER_TIMEOUT_S = 60
PERCENT = (50, 99, 99.9)


def trained(folder: Path) -> Trees:
    """The same data for both libraries; their models and the rows are files of the folder."""
    import lightgbm
    import xgboost

    drawn = np.random.default_rng(7)
    rows = drawn.normal(size=(ROWS, FEATURES)).astype(np.float32)
    labels = (rows[:, 0] * rows[:, 1] + np.abs(rows[:, 2]) + drawn.normal(0, 0.7, ROWS) > 0.8).astype(float)
    options = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.1, "nthread": 1, "seed": 7}
    booster = xgboost.train(options, xgboost.DMatrix(rows, labels), TREES)
    booster.save_model(folder / "model.json")
    options = {"objective": "binary", "num_leaves": 1 << DEPTH, "max_depth": DEPTH, "num_threads": 1, "verbose": -1}
    lightgbm.train(options, lightgbm.Dataset(rows.astype(float), labels), TREES).save_model(folder / "model.txt")
    fresh = drawn.normal(size=(ROWS, FEATURES)).astype(np.float32)
    np.save(folder / "rows.npy", fresh)
    found = read_xgboost(folder / "model.json")
    assert Walker(found.trees).over(fresh).tobytes() == booster.inplace_predict(fresh, predict_type="margin").tobytes()
    return found.trees


def full(nodes: int) -> Trees:
    """Full trees of depth 9 with about so many nodes; every split is even, so that no branch is predictable."""
    drawn, depth = np.random.default_rng(9), 9
    inner = (1 << depth) - 1

    def grown() -> list[Split | float]:
        made: list[Split | float] = [
            Split(
                int(drawn.integers(64)), float(np.float32(drawn.normal() / 2)), 2 * at + 1, 2 * at + 2, nan_right=False
            )
            for at in range(inner)
        ]
        return made + [float(np.float32(one)) for one in drawn.normal(size=inner + 1)]

    return build(FLOAT, 64, 0.0, [grown() for _ in range(round(nodes / (2 * inner + 1)))])


def compiled(trees: Trees, calls: int, flush: int = 0) -> list[float]:
    """The percentiles of `walk` for fresh rows."""
    walker = Walker(trees)
    rows = np.random.default_rng(3).normal(size=(calls, trees.features)).astype(np.float32)
    if not flush:
        walker.time_of(rows[: calls // 10])
    return [float(one) for one in np.percentile(walker.time_of(rows, flush), PERCENT)]


def from_python(trees: Trees, calls: int) -> list[float]:
    """The percentiles of `margin` for fresh rows."""
    margin = Walker(trees).margin
    rows = [np.ascontiguousarray(row) for row in np.random.default_rng(3).normal(size=(ROWS, FEATURES)).astype("f4")]
    times = np.empty(calls, np.int64)
    for number in range(calls):
        row = rows[number % ROWS]
        begin_ns = time.perf_counter_ns()
        margin(row)
        times[number] = time.perf_counter_ns() - begin_ns
    return [float(one) for one in np.percentile(times[calls // 10 :], PERCENT)]


def first_ratio(trees: Trees) -> float:
    """The first call after a load, as a share of the steady one; the median of many loads."""
    row, ratios = np.zeros((1, trees.features), np.float32), []
    for _ in range(50):
        walker = Walker(trees)
        first = walker.time_of(row)[0]
        ratios.append(first / np.median(walker.time_of(np.repeat(row, 200, axis=0))))
    return float(np.median(ratios))


def signal(calls: int) -> list[float]:
    """The percentiles of a hook with four features, scaling, a model and a decision."""
    drawn = np.random.default_rng(5)
    names = ("rsi_14", "macd", "volume_ratio", "bb_pct")
    trees = build(FLOAT, 4, 0.0, [_full_tree(drawn, (1 << DEPTH) - 1, 4) for _ in range(TREES)])
    scaling = Scaling(kind=Scale.Z_SCORE, centers=(50.0, 0.0, 1.0, 0.5), widths=(10.0, 5.0, 0.5, 0.3))
    card = Card(
        name="bench", version="1.0.0", features=tuple(Feature(name=one) for one in names), output=Output.PROBABILITY,
        scaling=scaling,
    )  # fmt: skip
    predict, row = Predictor(card, trees).predict, np.zeros(4)
    rsi, macd, ratio, band = Rsi(14), Macd(), VolumeRatio(20), Bollinger(20)
    prices = 60_000 * np.exp((drawn.normal(size=calls) * 1e-4).cumsum())
    volumes, entered, decisions = drawn.exponential(size=calls), False, 0
    times = np.empty(calls, np.int64)
    for number, (price, volume) in enumerate(zip(prices.tolist(), volumes.tolist(), strict=True)):
        begin_ns = time.perf_counter_ns()
        row[0], row[1], row[2] = rsi.update(price), macd.update(price), ratio.update(volume)
        middle = band.update(price)
        row[3] = (price - middle) / middle if middle else 0.0
        probability = predict(row)
        if not entered and probability >= 0.65:
            entered, decisions = True, decisions + 1
        elif entered and probability <= 0.45:
            entered, decisions = False, decisions + 1
        times[number] = time.perf_counter_ns() - begin_ns
    return [float(one) for one in np.percentile(times[calls // 10 :], PERCENT)]


def _full_tree(drawn: np.random.Generator, inner: int, features: int) -> list[Split | float]:
    """A tree with so many inner nodes, all levels full."""
    nodes: list[Split | float] = [
        Split(int(drawn.integers(features)), float(np.float32(drawn.normal())), 2 * at + 1, 2 * at + 2, nan_right=False)
        for at in range(inner)
    ]
    return nodes + [float(np.float32(one)) for one in drawn.normal(0, 0.1, inner + 1)]


def peer(name: str, folder: Path) -> dict[str, Any] | str:
    """One round of a peer, or why it has none."""
    python = ROOT / ".bench-venv" / "bin" / "python"
    if not python.exists():
        return "no .bench-venv: make setup-bench"
    command = [str(python), "-m", "bench.peers.models", name, str(folder)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PEER_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"ran for over {PEER_TIMEOUT_S} s"
    if done.returncode:
        return f"{(done.stderr.strip().splitlines() or ['ended without a word'])[-1]}: make setup-bench"
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def measure(rounds: int, calls: int) -> dict[str, Any]:
    """Every figure: the contenders in turn, round by round."""
    ours: dict[str, list[list[float]]] = {"c": [], "python": [], "12k": [], "512k": [], "signal": []}
    peers: dict[str, list[dict[str, Any]]] = {name: [] for name in PEERS}
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        trees, middle, large = trained(folder), full(12_000), full(512_000)
        for _ in range(rounds):
            ours["c"].append(compiled(trees, calls))
            ours["python"].append(from_python(trees, calls))
            ours["12k"].append(compiled(middle, calls))
            ours["512k"].append(compiled(large, calls // 5))
            ours["signal"].append(signal(calls // 5))
            for name in [one for one in PEERS if one not in missing]:
                found = peer(name, folder)
                if isinstance(found, str):
                    missing[name] = found
                else:
                    peers[name].append(found)
        cold = compiled(trees, COLD, COLD_BYTES)
        ratio = first_ratio(trees)
    middle_of = {name: np.median(np.array(found), axis=0).round(0).tolist() for name, found in ours.items()}
    return {
        "machine": describe(), "rounds": rounds,
        "walker_100x6_c_p50_ns": middle_of["c"][0], "walker_100x6_c_p99_ns": middle_of["c"][1],
        "walker_100x6_c_p999_ns": middle_of["c"][2],
        "walker_100x6_p50_ns": middle_of["python"][0], "walker_100x6_p99_ns": middle_of["python"][1],
        "walker_100x6_p999_ns": middle_of["python"][2],
        "walker_100x6_cold_p50_ns": round(cold[0]), "walker_100x6_cold_p99_ns": round(cold[1]),
        "walker_12k_p50_ns": middle_of["12k"][0], "walker_12k_p99_ns": middle_of["12k"][1],
        "walker_512k_p50_ns": middle_of["512k"][0], "walker_512k_p99_ns": middle_of["512k"][1],
        "load_first_ratio": round(ratio, 2),
        "features_200_update_p50_ns": None, "swap_max_us": None,
        "signal_p50_ns": middle_of["signal"][0], "signal_p99_ns": middle_of["signal"][1],
        "peers": {
            name: {
                "p50_ns": round(float(np.median([one["p50_ns"] for one in found]))),
                "p99_ns": round(float(np.median([one["p99_ns"] for one in found]))),
                "c_p50_ns": None, "c_p99_ns": None, "version": found[0]["version"],
            }
            for name, found in peers.items() if found
        },
        "peers_missing": missing,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of the calls")
    options = parser.parse_args()
    try:
        found = measure(1, CALLS // 10) if options.quick else measure(3, CALLS)
    except ImportError as error:
        sys.exit(f"bench.inference trains its models: {error}: pip install 'steelyard[learning]'")
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
