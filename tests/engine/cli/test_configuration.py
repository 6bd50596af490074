"""`engine-ctl config show`: each value with the place that set it, of a file and of a running system."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.cli import NOT_FOUND, WRONG_USE, main
from engine.config import Config
from engine.config.tables import Table
from engine.risk.caps import CAPS
from engine.risk.limits import RiskLimits
from tests.engine.answers import data_of

Write = Callable[..., Config]
Show = Callable[..., dict[str, Any]]
CONFIGS = Path(__file__).resolve().parents[3] / "configs"
HIDDEN = "hunter2hunter2"


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """The rows that the command prints, by key."""

    def keys(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["config", "show", *words, "--json"]) == 0
        return {one["key"]: one for one in data_of(capsys.readouterr().out)["keys"]}

    return keys


def test_each_value_has_the_place_that_set_it(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three places can set a key; an operator who edits the wrong one changes nothing."""
    monkeypatch.setenv("STEELYARD__WATCH__LATE_MS", "99")
    monkeypatch.setenv("STEELYARD__STRATEGIES__MAKER__PARAMETERS__SIZE", '"0.002"')
    keys, file = show(str(CONFIGS / "demo.toml")), CONFIGS / "demo.toml"
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if text.startswith("max_order_rate"))
    assert keys["watch.late_ms"] == {"key": "watch.late_ms", "value": 99, "source": "STEELYARD__WATCH__LATE_MS"}
    assert keys["watch.beat_ms"] == {"key": "watch.beat_ms", "value": 20, "source": "default"}
    assert keys["risk.max_order_rate_per_min"]["source"] == f"{file}:{line}"
    assert keys["risk.max_position_usd"] == {"key": "risk.max_position_usd", "value": "100000", "source": "default"}
    size = keys["strategies.maker.parameters.size"]
    assert (size["value"], size["source"]) == ("0.002", "STEELYARD__STRATEGIES__MAKER__PARAMETERS__SIZE")
    assert keys["strategies.maker.parameters.short"]["source"] == "default"
    assert keys["venues.binance.options.product"]["value"] == "spot"


@pytest.mark.parametrize("name", ["demo", "paper", "live", "accounts", "replay"])
def test_no_key_of_the_tree_is_missing(show: Show, name: str) -> None:
    """A key that is not shown is a setting that no person checks."""
    keys = show(str(CONFIGS / f"{name}.toml"))
    for table in ("system", "live", "journal", "watch"):
        kind = next(one.type for one in msgspec.structs.fields(Config) if one.name == table)
        assert issubclass(kind, Table)
        assert {f"{table}.{field}" for field in kind.__struct_fields__} <= keys.keys()
    assert {f"risk.{name}" for name in (*RiskLimits.__struct_fields__, *CAPS)} <= keys.keys()
    assert {"feed.stale_ms", "feed.frames", "execution.orphans"} <= keys.keys()


def test_a_secret_is_never_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output ends in tickets. A secret's place is shown; a secret written into the file by mistake is masked."""
    monkeypatch.setenv("STEELYARD_LOOPBACK_KEY", HIDDEN)
    text = (CONFIGS / "demo.toml").read_text()
    text = text.replace("SteelyardLoopbackEngineKey00000000000000000000000000000000000000", HIDDEN)
    text = text.replace('"ws://127.0.0.1:9710"', f'"ws://user:{HIDDEN}@127.0.0.1:9710"')
    text += f'[alerts]\nheartbeat_url = "https://ping.example/{HIDDEN}"\n'
    (tmp_path / "demo.toml").write_text(text)
    for form in ([], ["--json"]):
        assert main(["config", "show", str(tmp_path / "demo.toml"), *form]) == 0
        printed = capsys.readouterr()
        assert HIDDEN not in printed.out + printed.err
        assert "variable STEELYARD_LOOPBACK_KEY" in printed.out
        assert "https://ping.example/***" in printed.out


def test_a_running_system_shows_what_it_was_started_with(
    write: Write, show: Show, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file and the environment of the operator's shell may have changed since."""
    monkeypatch.setenv("STEELYARD__WATCH__DEATH_LIMIT", "7")
    config = write(watch="drain_limit_ms = 900")
    assert main(["up", config.path, "--timeout", "60"]) == 0
    try:
        monkeypatch.delenv("STEELYARD__WATCH__DEATH_LIMIT")
        Path(config.path).write_text(Path(config.path).read_text().replace("900", "901"))
        keys = show("--system", config.system.name)
        assert (keys["watch.drain_limit_ms"]["value"], keys["watch.death_limit"]["value"]) == (900, 7)
        assert keys["watch.death_limit"]["source"] == "STEELYARD__WATCH__DEATH_LIMIT"
        assert main(["config", "show", "--system", config.system.name]) == 0
        assert f"{config.path} has changed since {config.system.name} was started" in capsys.readouterr().err
    finally:
        assert main(["down", "--system", config.system.name]) == 0


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [(["none.toml"], WRONG_USE, "none.toml"), (["--system", "no_such"], NOT_FOUND, "no system 'no_such'")],
)
def test_what_cannot_be_shown_is_refused(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, expected: str
) -> None:
    """An empty table would look like a configuration without keys."""
    assert main(["config", "show", *words]) == code
    assert expected in capsys.readouterr().err


def test_a_part_of_the_tree_is_chosen(show: Show) -> None:
    """The whole tree is longer than a screen."""
    demo = str(CONFIGS / "demo.toml")
    assert all(key.startswith("watch.") for key in show(demo, "--only", "watch"))
    assert list(show(demo, "--only", "instruments", "--changed")) == [
        f"instruments[{number}].{key}" for number in (0, 1) for key in ("id", "venue", "symbol")
    ]
    assert all(one["source"] != "default" for one in show(demo, "--changed").values())
