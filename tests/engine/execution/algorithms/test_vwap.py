"""VWAP: slices by the volume profile of the day, to the exact size."""

from pathlib import Path

import pytest

from engine.execution.algorithms.profile import MINUTE_NS, read_profiles
from engine.model.words import Reason
from tests.engine.execution.algorithms.market import MarketHouse
from tests.engine.execution.memory import BTC, ETH, MS, START_NS

HEAD = "time_ms,symbol,volume\n"


def profile(directory: Path, *volumes: int, symbol: str = "BTCUSDT") -> str:
    """A file with these volumes in the minutes from the house's start on, on two days."""
    file = directory / "profile.csv"
    days = [
        f"{(START_NS + minute * MINUTE_NS) // MS + day * 86_400_000},{symbol},{volume}\n"
        for day in (0, 1)
        for minute, volume in enumerate(volumes)
    ]
    file.write_text(HEAD + "".join(days))
    return str(file)


def test_the_slices_follow_the_profile(tmp_path: Path) -> None:
    """Where the day trades more, so does the parent: the share of each minute is the profile's."""
    house = MarketHouse(tmp_path / "journal", volume_profile=profile(tmp_path, 0, 1, 5, 2, 0))
    house.now_ns += MINUTE_NS - house.now_ns % MINUTE_NS
    house.ready()
    intent_id = house.parent("vwap", 8_000, duration_ms=180_000, slices=3)
    filled = []
    for _ in range(3):
        house.turn(5)
        house.turn(599, 100 * MS)
        filled.append(house.filled(intent_id))
        house.turn(1, 95 * MS)
    assert filled == pytest.approx([1_000, 6_000, 8_000], abs=3)
    assert house.filled(intent_id) == 8_000
    house.check_ended(intent_id)


def test_the_market_s_volume_is_counted_in_the_parent_s_record(tmp_path: Path) -> None:
    """The participation is what a VWAP is judged by."""
    house = MarketHouse(tmp_path / "journal", volume_profile=profile(tmp_path, 1))
    intent_id = house.parent("vwap", 1_000, duration_ms=1_000, slices=2)
    house.turn(10)
    house.trade(700)
    house.turn(600)
    row = [one for one in house.rings["parents"].rows if one.intent_id == intent_id][-1]
    assert row.state[5] >= 700 + 500


def test_an_instrument_without_bars_is_refused(tmp_path: Path) -> None:
    """A VWAP without a profile would be a TWAP under another name."""
    house = MarketHouse(tmp_path / "journal", volume_profile=profile(tmp_path, 1, symbol="ETHUSDT"))
    intent_id = house.parent("vwap", 1_000, duration_ms=1_000, slices=2)
    house.turn(3)
    assert house.verdict(intent_id) == Reason.NO_VOLUME_PROFILE


@pytest.mark.parametrize(("text", "error"), [
    ("a,b\n", "the first line is"), (HEAD + "x,BTCUSDT,1\n", "line 2 is 'x,BTCUSDT,1'"),
    (HEAD + "1,BTCUSDT,nan\n", "line 2"), (HEAD + "1,BTCUSDT,-1\n", "line 2"), (HEAD + "1,BTCUSDT\n", "line 2"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_an_error_that_names_the_line(tmp_path: Path, text: str, error: str) -> None:
    """Half a profile would shift every schedule."""
    file = tmp_path / "bars.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=error):
        read_profiles(str(file), (BTC, ETH))
