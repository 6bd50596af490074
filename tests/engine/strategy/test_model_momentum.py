"""BTC Momentum with its model: the decisions are the model's, by the file's thresholds, sizes and prices."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cli import WRONG_USE, main
from engine.inference import Calibrate, Calibration, Feature, Output, load
from engine.model.text import bare
from engine.model.words import BUY, SELL
from engine.strategy.harness import BITCOIN, Harness
from engine.strategy.samples import ModelMomentum
from engine.strategy.samples.model_momentum import described
from tests.engine.strategy.momentum_model import NAMES, put_model

BTC = dataclasses.replace(BITCOIN, venue="binance")


def harness(place: Path, **more: Any) -> Harness:
    """The strategy with 10 000 of capital."""
    described.cache_clear()
    return Harness(ModelMomentum, {"file": str(place), "capital": "10000", **more}, (BTC,))


def close(one: Harness, price: float, volume: str = "2") -> list[Any]:
    """A bar that closes at a price, and a book around it."""
    text = f"{price:.2f}"
    found = one.bar((text, text, text, text), "1m", volume)
    return found + one.book([(f"{price - 0.01:.2f}", "5")], [(text, "5")])


def falling(one: Harness, bars: int = 60) -> list[Any]:
    """A market that falls: the price is in the lower half of its bands, and the planted model buys."""
    found = []
    for number in range(bars):
        found += close(one, 60_000 - 40 * number + (15 if number % 2 else 0))
        if found:
            break
    return found


def test_it_enters_with_a_tenth_at_the_offset_and_leaves_below_the_exit(tmp_path: Path) -> None:
    """0.65 and 0.45, 10 % of the portfolio, 5 bps, 30 s: as the file says."""
    one = harness(put_model(tmp_path))
    [entry] = falling(one)
    ask = entry.price / 1.0005
    assert entry.side == BUY
    assert entry.price == pytest.approx(ask * 1.0005, abs=1)
    assert entry.timeout_ns == 30 * 10**9
    assert entry.size * entry.price / 10**7 == pytest.approx(1_000, rel=1e-3)
    assert entry.signal >= 0.65
    assert bare(one.belief.names) == b"btc_momentum 1.2.0"
    assert one.belief.probability == pytest.approx(entry.signal)
    assert one.fill(entry) == []
    price, found = entry.price / 100, []
    while not found:  # a market that rises: the probability falls, through the band in which it holds
        price += 40
        found = close(one, price)
        if not found:
            assert one.belief.probability > 0.45
        assert price < 70_000
    [leave] = found
    assert (leave.side, leave.size) == (SELL, entry.size)
    assert leave.signal <= 0.45
    assert leave.price == pytest.approx((price - 0.01) * 100 * 0.9995, abs=1)


def test_its_prediction_is_the_models_own_of_the_same_features(tmp_path: Path) -> None:
    """What is shown and traded on is what the sealed file computes from the indicators' values."""
    file = put_model(tmp_path)
    one, predictor = harness(file), load(tmp_path / "models" / "btc_momentum_v1.2.onnx").predictor
    drawn, compared = np.random.default_rng(3), 0
    for price in (60_000 * np.exp((drawn.normal(size=80) * 1e-3).cumsum())).tolist():
        close(one, price, f"{drawn.exponential():.5f}")
        row = [getattr(one.strategy, name).value for name in NAMES]
        if not any(map(math.isnan, row)):
            assert one.belief.probability == predictor.predict(row)
            compared += 1
    assert compared > 30


def test_it_waits_until_every_feature_is_there_and_after_a_gap(tmp_path: Path) -> None:
    """A model that is given a hole predicts something, and it would be traded."""
    one = harness(put_model(tmp_path))
    for number in range(20):
        assert close(one, 60_000 - 40 * number) == []
        assert math.isnan(one.belief.probability)
    one.strategy.on_bars_lost()
    assert math.isnan(one.strategy.probability)


def test_a_prediction_of_long_ago_is_not_traded_on(tmp_path: Path) -> None:
    """A feed whose bars have stopped says nothing about the price of now."""
    one = harness(put_model(tmp_path), bars="1s")
    for number in range(60):
        text = f"{60_000 - 40 * number + (15 if number % 2 else 0):.2f}"
        one.bar((text, text, text, text), "1s", "2")
    assert one.strategy.probability >= 0.65
    for _ in range(2_001):  # a millisecond each
        one.step()
    assert one.book([("57000.00", "5")], [("57000.01", "5")]) == []
    one.bar((text, text, text, text), "1s", "2")
    assert one.strategy.probability >= 0.65
    [entry] = one.book([("57000.00", "5")], [("57000.01", "5")])
    assert entry.side == BUY


@pytest.mark.parametrize(
    ("more", "change", "text"),
    [
        ({"file": "none.toml"}, None, "none.toml: No such file"),
        ({}, ("rsi_14", "rsi_99"), "features rsi_99: with lookback_period 20 this strategy computes"),
        ({}, ('"rsi_14", "macd"', '"macd", "rsi_14"'), "reads rsi_14, macd, .* the strategy's file has macd, rsi_14"),
        ({"bars": "1 minute"}, None, "bars"),
        (
            {},
            ("lookback_period = 20", "lookback_period = 50"),
            "features volume_ratio, bb_pct: with",
        ),
    ],
)
def test_what_is_wrong_is_refused_before_it_trades(
    tmp_path: Path, more: dict[str, Any], change: tuple[str, str] | None, text: str
) -> None:
    """By name, when the parameters are checked."""
    file = put_model(tmp_path)
    if change is not None:
        file.write_text(file.read_text().replace(*change))
    with pytest.raises(ValueError, match=text):
        harness(file, **more)


def test_a_model_that_gives_no_probability_is_refused(tmp_path: Path) -> None:
    """A margin compared with 0.65 is another decision."""
    with pytest.raises(ValueError, match="gives a margin, expected a probability"):
        harness(put_model(tmp_path, output=Output.MARGIN))


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"training": {"data": {"interval": "5m"}}}, "its model was trained on bars of 5m, bars is 1m"),
        (
            {"features": tuple(Feature(name=one, code="before") for one in NAMES)},
            "the code of rsi_14, .* is another",
        ),
    ],
)
def test_a_model_of_other_bars_or_other_code_is_refused(tmp_path: Path, parts: dict[str, Any], text: str) -> None:
    """The same names with other numbers: a model would predict from what it has never seen."""
    with pytest.raises(ValueError, match=text):
        harness(put_model(tmp_path, **parts))


def test_a_calibrated_margin_is_a_probability(tmp_path: Path) -> None:
    """So the training command seals a model with Platt's calibration."""
    calibration = Calibration(kind=Calibrate.PLATT, slope=-1.0)
    one = harness(put_model(tmp_path, output=Output.MARGIN, calibration=calibration))
    [entry] = falling(one)
    assert 0.65 <= entry.signal < 1


def test_another_market_than_the_files_is_refused(tmp_path: Path) -> None:
    """A model of Bitcoin knows nothing of Ether."""
    file = put_model(tmp_path)
    described.cache_clear()
    for change in ({"venue": "kraken"}, {"base": "ETH"}, {"quote": "EUR"}):
        with pytest.raises(ValueError, match="trades BTC/USD at binance, was given"):
            Harness(ModelMomentum, {"file": str(file), "capital": "1"}, (dataclasses.replace(BTC, **change),))


def test_check_of_a_whole_file_says_where_it_belongs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a strategy's file: a system's file names it."""
    assert main(["check", str(put_model(tmp_path))]) == WRONG_USE
    assert "BTC Momentum 1.2.0 and its model are whole" in capsys.readouterr().err
