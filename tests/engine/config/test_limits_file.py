"""The limits of a system in a file of their own."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from engine.cli import main as engine_ctl
from engine.config import ConfigError, load, load_copy
from engine.config.limits_file import COPY, digest, keep_copy
from engine.risk.table import read_risk

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
FORM = """
[position_limits]
max_position_usd = 100000.0
max_portfolio_concentration = 0.25
max_leverage = 3.0
[risk_metrics]
var_limit_1d_95 = 5000.0
max_drawdown_pct = 0.15
[order_limits]
max_order_size_usd = 10000.0
max_order_rate_per_min = 60
[margin]
margin_buffer = 0.20
margin_call_threshold = 0.05
"""

OWN = 'capital_usd = 5000\nvar_history = "history.csv"'


def system(directory: Path, limits: str = FORM, *, risk: str = OWN) -> Path:
    """The demo with its limits in a file of their own."""
    text = (CONFIGS / "demo.toml").read_text().replace("[risk]\nmax_order_rate_per_min = 3000", f"[risk]\n{risk}")
    (directory / "risk_limits.toml").write_text(limits)
    (directory / "history.csv").write_text("time_ms,symbol,close\n")
    file = directory / "system.toml"
    file.write_text(f'risk_limits = "risk_limits.toml"\n{text}')
    return file


def test_the_file_is_read_into_the_limits(tmp_path: Path) -> None:
    """Every key means what it means in [risk]; the system's own file may add keys."""
    limits, caps = read_risk(load(system(tmp_path), {}).risk)
    assert (limits.max_position_usd, limits.max_order_size_usd) == (Decimal(100_000), Decimal(10_000))
    assert (limits.max_order_rate_per_min, limits.capital_usd) == (60, Decimal(5000))
    assert [type(one).__name__ for one in caps] == ["Concentration", "Leverage", "MarginBuffer", "ValueAtRisk"]
    assert limits.var_history == str(tmp_path / "history.csv"), "relative to the system's file"


def test_the_shipped_file_passes_the_check_of_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A user copies it and changes the numbers."""
    shipped = (CONFIGS / "risk_limits.toml").read_text()
    assert tomllib.loads(shipped) == tomllib.loads(FORM)
    file = system(tmp_path, shipped)
    assert engine_ctl(["check", str(file)]) == 0, capfd.readouterr().err


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (
            "[position_limits]\nmax_levrage = 3.0\n",
            r"with risk_limits.toml\).*max_levrage: unknown key; did you",
        ),
        ("[position_limit]\nmax_leverage = 3.0\n", "position_limit: unknown table; did you mean position_limits"),
        ("[margin]\ncapital_usd = 1\n", "capital_usd = 1: is set again"),
        ("[risk_metrics\n", "risk_limits.toml: not valid TOML"),
        ("max_leverage = 3.0\n", "max_leverage: unknown table; expected one of position_limits"),
    ],
)
def test_a_wrong_file_is_refused_by_the_place_of_the_mistake(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], limits: str, text: str
) -> None:
    """A misspelt limit would be a limit that is not there."""
    assert engine_ctl(["check", str(system(tmp_path, limits))]) == 2
    assert re.search(text, capfd.readouterr().err)


@pytest.mark.parametrize(
    ("history", "text"),
    [
        ("time_ms,symbol,close\n1,BTCUSDT,nan\n", r"history.csv: line 2 is '1,BTCUSDT,nan', expected"),
        (None, r"history.csv: cannot be read"),
    ],
)
def test_the_check_of_up_reads_the_history(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], history: str | None, text: str
) -> None:
    """Else the limit's file is found wrong only when execution starts."""
    file = system(tmp_path)
    (tmp_path / "history.csv").unlink()
    if history is not None:
        (tmp_path / "history.csv").write_text(history)
    assert engine_ctl(["check", str(file)]) == 2
    assert re.search(text, capfd.readouterr().err)


def test_the_value_at_risk_without_a_history_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A limit that can never be computed would refuse every entry."""
    assert engine_ctl(["check", str(system(tmp_path, risk="capital_usd = 5000"))]) == 2
    assert "var_limit_1d_95: needs var_history, which is not set" in capfd.readouterr().err


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    """A system without its limits must not trade with the defaults."""
    file = system(tmp_path)
    (tmp_path / "risk_limits.toml").unlink()
    with pytest.raises(ConfigError, match=r"risk_limits = .*cannot be read"):
        load(file, {})


def test_the_copy_of_a_running_system_has_its_limits(tmp_path: Path) -> None:
    """`reload` compares the files with what the system was started with, and a changed limit is another digest."""
    file, sound = system(tmp_path), tmp_path / "run" / "configuration.toml"
    sound.parent.mkdir(mode=0o700)
    sound.write_bytes(file.read_bytes())
    keep_copy(file, sound)
    before = digest(file)
    (tmp_path / "risk_limits.toml").write_text(FORM.replace("100000.0", "7.0"))
    assert load_copy(file, sound).risk["max_position_usd"] == 100000.0
    assert load(file, {}).risk["max_position_usd"] == 7.0
    assert digest(file) != before
    file.write_text(file.read_text().replace('risk_limits = "risk_limits.toml"\n', ""))
    keep_copy(file, sound)
    assert not sound.with_name(COPY).exists()


def test_config_show_names_the_file_of_a_limit(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Who wonders where a limit comes from must find the line."""
    assert engine_ctl(["config", "show", str(system(tmp_path)), "--only", "risk"]) == 0
    rows = [line.split() for line in capfd.readouterr().out.splitlines() if line.startswith("risk.max_leverage")]
    assert rows == [["risk.max_leverage", "risk_limits.toml", "3.0"]]
