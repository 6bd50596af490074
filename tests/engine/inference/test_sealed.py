"""A sealed model is whole or refused; its output is that of the library, scaled and calibrated as it was trained."""

import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from engine.inference import (
    Calibrate,
    Calibration,
    Card,
    CardError,
    Feature,
    Output,
    Scale,
    Scaling,
    Sealed,
    SealedError,
    load,
    write,
)
from engine.inference.convert import read_lightgbm, read_xgboost
from engine.inference.predictor import Predictor
from engine.inference.sealed import to_bytes
from tests.engine.inference.trained import data, lightgbm_model, saved, xgboost_model

FEATURES = tuple(Feature(name=f"f{one}", version=2, code=f"c{one}") for one in range(12))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """A model of XGBoost."""
    found = read_xgboost(saved(xgboost_model(1), tmp_path_factory.mktemp("model")))
    card = Card(
        name="momentum", version="1.2.0", features=FEATURES, output=Output.PROBABILITY, source="xgboost",
        label={"kind": "fixed_horizon", "seconds": 60}, metrics={"auc": 0.61},
    )  # fmt: skip
    return Sealed(card, found.trees, data(5)[0][:1_000])


def test_a_file_gives_back_the_same_model_and_the_same_bytes(model: Sealed, tmp_path: Path) -> None:
    """Two files of one model that differ could be two models."""
    file = tmp_path / "momentum.model"
    write(file, model)
    found = load(file, FEATURES)
    assert found.card == model.card
    rows = data(6)[0]
    assert found.predictor.over(rows).tobytes() == model.predictor.over(rows).tobytes()
    assert to_bytes(found) == to_bytes(model) == file.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["momentum.model"]


def test_any_changed_or_missing_byte_is_refused(model: Sealed, tmp_path: Path) -> None:
    """A disk that flips a bit must not trade. Every byte of the head, and a thousand others."""
    whole, file = to_bytes(model), tmp_path / "m"
    drawn = random.Random(7)
    for at in [*range(600), *(drawn.randrange(len(whole)) for _ in range(1_000)), *range(len(whole) - 32, len(whole))]:
        changed = bytearray(whole)
        changed[at] ^= 1 << drawn.randrange(8)
        file.write_bytes(changed)
        with pytest.raises(SealedError, match="m: "):
            load(file)
    for size in (0, 7, 8, 11, 12, 100, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(SealedError, match="m: "):
            load(file)
    with pytest.raises(SealedError, match="No such file"):
        load(tmp_path / "none")


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (FEATURES[:-1], r"missing \['f11'\], more \[\]"),
        ((*FEATURES, Feature(name="x")), r"missing \[\], more \['x'\]"),
        ((FEATURES[1], FEATURES[0], *FEATURES[2:]), "in another order"),
        (
            (Feature(name="f0", version=3, code="c0"), *FEATURES[1:]),
            "f0: its version was 2 in training, and is 3",
        ),
        (
            (Feature(name="f0", version=2, code="new"), *FEATURES[1:]),
            "f0: its code was c0 in training, and is new",
        ),
    ],
)
def test_other_features_are_refused_by_name(
    model: Sealed, features: tuple[Feature, ...], text: str, tmp_path: Path
) -> None:
    """Features that moved by one place give numbers that look like predictions."""
    write(tmp_path / "m", model)
    with pytest.raises(SealedError, match=text):
        load(tmp_path / "m", features)


def test_a_model_that_computes_otherwise_than_when_it_was_sealed_is_refused(
    model: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seal is right and the numbers are not: only the vectors find it."""
    write(tmp_path / "m", model)
    monkeypatch.setattr(Sealed, "predictor", property(lambda self: Wrong(self.card, self.trees)))
    with pytest.raises(SealedError, match=r"test vector 0 gives .* it gave .* 1000 of 1000 differ"):
        load(tmp_path / "m")


class Wrong:
    """A predictor that is off by one in the last digit."""

    def __init__(self, card: Card, trees: Any) -> None:
        """As the real one."""
        self._real = Predictor(card, trees)

    def over(self, rows: np.ndarray) -> np.ndarray:
        """The next number after each output."""
        return np.nextafter(self._real.over(rows), np.inf)


def test_probabilities_are_those_of_xgboost_to_one_unit_in_the_last_place(model: Sealed) -> None:
    """The threshold of an entry is compared with them."""
    rows = data(8, 20_000)[0].astype(np.float32)
    theirs = xgboost_model(1).inplace_predict(rows)
    ours = model.predictor.over(rows).astype(np.float32)
    assert np.abs(theirs.view(np.int32) - ours.view(np.int32)).max() <= 1


def test_probabilities_of_lightgbm(tmp_path: Path) -> None:
    """In float64, as LightGBM computes them."""
    booster = lightgbm_model(3)
    trees = read_lightgbm(saved(booster, tmp_path)).trees
    card = Card(name="m", version="1.0.0", features=FEATURES, output=Output.PROBABILITY)
    rows = data(9)[0]
    assert Predictor(card, trees).over(rows) == pytest.approx(booster.predict(rows), rel=1e-15, abs=0)


def with_card(model: Sealed, **parts: Any) -> Predictor:
    """The model with other parts of its card."""
    return Predictor(msgspec.structs.replace(model.card, **parts), model.trees)


def test_scaling_and_calibration_follow_their_formulas(model: Sealed) -> None:
    """What was fitted in training is what is applied."""
    rows = data(10, 3_000)[0]
    centers, widths = tuple(float(one) for one in range(12)), tuple(1.0 + one / 7 for one in range(12))
    scaling = Scaling(kind=Scale.ROBUST, centers=centers, widths=widths)
    plain, scaled = with_card(model, output=Output.MARGIN), with_card(model, output=Output.MARGIN, scaling=scaling)
    assert scaled.over(rows).tobytes() == plain.over((rows - np.array(centers)) / np.array(widths)).tobytes()
    platt = with_card(model, calibration=Calibration(kind=Calibrate.PLATT, slope=-2.0, shift=0.3))
    raw = model.predictor.over(rows)
    assert platt.over(rows) == pytest.approx(1 / (1 + np.exp(-2.0 * raw + 0.3)), rel=1e-14)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(raw, (data(10, 3_000)[1] > 0.8).astype(float))
    xs, ys = fitted.X_thresholds_, fitted.y_thresholds_
    isotonic = Calibration(kind=Calibrate.ISOTONIC, xs=tuple(xs.tolist()), ys=tuple(ys.tolist()))
    assert with_card(model, calibration=isotonic).over(rows) == pytest.approx(fitted.predict(raw), abs=1e-12)
    assert model.predictor.predict(rows[0]) == raw[0] == model.predictor.predict(rows[0].tolist())


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"features": ()}, "features: expected different names, at least one, was none"),
        ({"features": (FEATURES[0],) * 12}, "features: expected different names"),
        ({"scaling": Scaling(kind=Scale.Z_SCORE)}, "scaling z_score: expected a center and a width for each of 12"),
        ({"scaling": Scaling(centers=(1.0,) * 12, widths=(1.0,) * 12)}, "scaling none"),
        ({"scaling": Scaling(kind=Scale.MIN_MAX, centers=(0.0,) * 12, widths=(0.0,) * 12)}, "finite widths above 0"),
        ({"calibration": Calibration(kind=Calibrate.ISOTONIC, xs=(0.0, 0.0), ys=(0.0, 1.0))}, "xs rising"),
        ({"calibration": Calibration(kind=Calibrate.ISOTONIC, xs=(0.0, 1.0), ys=(0.0, 1.7))}, "ys from 0 to 1"),
        ({"calibration": Calibration(kind=Calibrate.PLATT, slope=float("nan"))}, "expected finite numbers"),
        ({"calibration": Calibration(xs=(0.0,), ys=(0.0,))}, "calibration none: has points"),
    ],
)
def test_a_card_that_does_not_hold_together_is_refused(
    model: Sealed, parts: dict[str, Any], text: str, tmp_path: Path
) -> None:
    """Before a file exists."""
    wrong = Sealed(msgspec.structs.replace(model.card, **parts), model.trees, model.rows)
    with pytest.raises(CardError, match=text):
        write(tmp_path / "m", wrong)
    assert not list(tmp_path.iterdir())


def test_rows_that_are_no_test_vectors_are_refused(model: Sealed, tmp_path: Path) -> None:
    """A model without vectors proves nothing when it is loaded."""
    for rows in (np.zeros((0, 12)), np.zeros((1_001, 12)), np.zeros((5, 11)), np.zeros(12)):
        with pytest.raises(SealedError, match="test vectors of shape"):
            write(tmp_path / "m", Sealed(model.card, model.trees, rows))
    with pytest.raises(ValueError, match="row: expected 12 numbers, was 3"):
        model.predictor.predict([1.0, 2.0, 3.0])
