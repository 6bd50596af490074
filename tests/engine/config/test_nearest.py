"""An unknown key is refused with the nearest right name, in every table of the tree."""

from pathlib import Path

import pytest

from engine.cli import CommandError
from engine.cli.check import check
from engine.config import ConfigError, load
from engine.config.nearest import did_you_mean, unknown_key

DEMO = Path(__file__).resolve().parents[3] / "configs" / "demo.toml"
WRONG = {
    "STEELYARD__WACTH__LATE_MS": "watch",
    "STEELYARD__WATCH__LATTE_MS": "late_ms",
    "STEELYARD__SYSTEM__MOD": "mode",
    "STEELYARD__LIVE__ARMD": "armed",
    "STEELYARD__JOURNAL__SINC": "sync",
    "STEELYARD__AGGREGATION__BAR": "bars",
    "STEELYARD__VENUES__BINANCE__STREM_URL": "stream_url",
    "STEELYARD__VENUES__BINANCE__OPTIONS__PRODUKT": "product",
    "STEELYARD__VENUES__BINANSE__KIND": "binance",
    "STEELYARD__INSTRUMENTS__0__SIMBOL": "symbol",
    "STEELYARD__STRATEGIES__MAKER__KLASS": "class",
    "STEELYARD__STRATEGIES__MAKR__ID": "maker",
    "STEELYARD__STRATEGIES__MAKER__PARAMETERS__HALF_WITH_STEPS": "half_width_steps",
    "STEELYARD__PROCESSES__FEED__COREZ": "cores",
    "STEELYARD__RISK__MAX_ORDER_RATE": "max_order_rate_per_min",
    "STEELYARD__RISK__MAX_GROS_USD": "max_gross_usd",
    "STEELYARD__EXECUTION__QUERY_INTERVAL": "query_interval_ns",
    "STEELYARD__FEED__STALE": "stale_ms",
}


@pytest.mark.parametrize(("name", "nearest"), WRONG.items(), ids=WRONG)
def test_an_unknown_key_is_refused_with_the_nearest_name(name: str, nearest: str) -> None:
    """A misspelt limit that is ignored is a limit that does not exist; the right name saves a search at night."""
    with pytest.raises((ConfigError, CommandError)) as caught:
        check(load(DEMO, {name: "1"}))
    assert "did you mean " in str(caught.value)
    assert nearest in str(caught.value).partition("did you mean ")[2].partition("?")[0]


@pytest.mark.parametrize("key", ["WACTH__LATE_MS", "WATCH__LATTE_MS", "WATCH__LATE_MS"])
def test_an_error_of_an_override_names_the_variable(key: str) -> None:
    """The wrong key is not in the file, so the file's name alone sends the operator to the wrong place."""
    with pytest.raises(ConfigError, match=f"demo.toml with STEELYARD__{key}: "):
        load(DEMO, {f"STEELYARD__{key}": "0"})


def test_a_misspelt_key_of_a_replay_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    """The table [feed.replay] is read by another layer than the rest."""
    text = (DEMO.parent / "replay.toml").read_text().replace("speed = 1 ", "sped = 1 ")
    (tmp_path / "replay.toml").write_text(text)
    with pytest.raises(CommandError, match=r"sped: unknown key; did you mean speed\? expected one of files, speed"):
        check(load(tmp_path / "replay.toml", {}))


def test_without_a_near_name_all_are_listed() -> None:
    """A wild guess would be wrong advice."""
    assert did_you_mean("zzz", ("late_ms", "beat_ms")) == ""
    assert unknown_key("zzz", ("late_ms", "beat_ms")) == "unknown key; expected one of late_ms, beat_ms"
