"""BTC Momentum: its file is read as it stands, and it does not trade without its model."""

from pathlib import Path

import pytest

from engine.cli import WRONG_USE, main
from engine.strategy.model_file import NoModelError, expect_model, read

FILE = Path(__file__).parents[3] / "configs" / "strategies" / "btc_momentum.toml"


def test_the_file_is_read_as_it_stands() -> None:
    """A key that is read and not understood would be a parameter that does nothing."""
    found = read(FILE)
    assert (found.strategy.name, found.strategy.version) == ("BTC Momentum", "1.2.0")
    assert (found.strategy.asset, found.strategy.exchange) == ("BTC/USD", "binance")
    one = found.parameters
    assert (one.lookback_period, one.entry_threshold, one.exit_threshold, one.position_size_pct) == (
        20,
        0.65,
        0.45,
        0.1,
    )
    assert found.ml_model.features == ("rsi_14", "macd", "volume_ratio", "bb_pct")
    assert (found.execution.order_type, found.execution.limit_offset_bps, found.execution.timeout_seconds) == (
        "limit", 5.0, 30,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["check", "up"])
def test_without_its_model_it_is_refused_by_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A made-up rule in the place of the model would trade real money under its name."""
    assert main([command, str(FILE)]) == WRONG_USE
    printed = capsys.readouterr().err
    assert "BTC Momentum 1.2.0: its model" in printed
    assert "models/btc_momentum_v1.2.onnx is missing: put the trained model there" in printed
    assert "4 features in this order: rsi_14, macd, volume_ratio, bb_pct. It does not trade without it" in printed


def test_a_file_that_is_no_sealed_model_is_refused(tmp_path: Path) -> None:
    """A file that nothing can read must not look like one that decides."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "btc_momentum_v1.2.onnx").write_bytes(b"anything")
    with pytest.raises(NoModelError, match=r"onnx: begins with b'anything', expected a sealed model"):
        expect_model(tmp_path / "btc.toml", read(FILE))


@pytest.mark.parametrize(("old", "new", "message"), [
    ("entry_threshold = 0.65", "entry_threshold = 1.5", r"<= 1\.0.*entry_threshold"),
    ("exit_threshold = 0.45", "exit_threshold = 0.7", r"exit_threshold 0\.7 is over entry_threshold 0\.65"),
    ("lookback_period", "loopback_period", "loopback_period"),
    ('order_type = "limit"', 'order_type = "stop"', "order_type"),
])  # fmt: skip
def test_a_wrong_value_is_refused_with_its_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A threshold that is never reached is a strategy that never trades, or never exits."""
    file = tmp_path / "btc.toml"
    text = FILE.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=message):
        read(file)
