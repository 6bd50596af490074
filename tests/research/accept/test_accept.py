"""A strategy trades live only with a verdict on exactly its code and parameters."""

import json
import sys
from pathlib import Path

import msgspec
import pytest

from engine.cli import main as engine_ctl
from engine.strategy.accepted import parameters_of
from engine.strategy.code import name_of, source
from engine.strategy.samples import MomentumTaker
from research.accept import judge, read_thresholds
from research.accept.__main__ import main
from research.accept.judge import BOUNDS
from research.accept.thresholds import Thresholds
from research.performance import Summary, summary_of
from research.performance.summary import Known, load
from tests.research.performance.made import made

PARAMETERS = {"size": "0.01", "entry": 0.45, "exit": 0.2}
SYSTEM = """
[system]
name = "gate"
mode = "{mode}"
state_directory = "{place}"
[live]
accepted_only = {only}
[[venues]]
name = "binance"
kind = "binance"
stream_url = "ws://127.0.0.1:9"
request_url = "http://127.0.0.1:9"
order_url = "ws://127.0.0.1:9"
api_key = {{ env = "SOME_KEY" }}
private_key = {{ file = "{{state}}/made.pem" }}
[[processes]]
name = "venue"
command = ["true", "{{state}}/made.pem"]
[[processes]]
name = "core"
roles = ["feed", "execution", "taker"]
environment = {{ SOME_KEY = "x" }}
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
[[strategies]]
name = "taker"
id = 1
class = "{kind}"
instruments = [7]
{accepted}
parameters = {{ size = "0.01", entry = {entry}, exit = 0.2 }}
"""


def summary(**figures: Known) -> Summary:
    """A summary of the sample taker with good figures, unless they are given."""
    good = {"trades": Known(500.0), "Sharpe": Known(2.0, 1.0, 3.0), "profit": Known(100.0),
            "largest drawdown": Known(0.05, 0.02, 0.09)}  # fmt: skip
    seals = {"strategy": name_of(MomentumTaker), "code": source(MomentumTaker), "data": "d" * 64}
    return Summary(
        1, "made", "made", "USDT", good | figures, {"no_impact": 10.0}, [], seals,
        parameters_of(MomentumTaker, PARAMETERS),
    )  # fmt: skip


def thresholds(path: Path, text: str = "trades_least = 100\nsharpe_low_least = 0.5\ndrawdown_most = 0.10") -> Path:
    """A file of thresholds."""
    path.write_text(f"[accept]\n{text}\n")
    return path


def gate(tmp_path: Path, found: Summary, text: str = "trades_least = 100") -> tuple[int, Path]:
    """Run the command; its exit code and its file."""
    given, out = found.save(tmp_path / "summary.json"), tmp_path / "taker.accepted.json"
    return main([str(given), str(thresholds(tmp_path / "gate.toml", text)), "--out", str(out)]), out


def check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, mode: str = "live", accepted: bool = True,
    only: str = "true",
    entry: float = 0.45, kind: str = "engine.strategy.samples:MomentumTaker",
) -> tuple[int, str]:  # fmt: skip
    """What `engine-ctl check` says of a system that trades this strategy."""
    line = 'accepted = "taker.accepted.json"' if accepted else ""
    file = tmp_path / "gate_system.toml"
    text = SYSTEM.format(mode=mode, place=tmp_path, only=only, accepted=line, entry=entry, kind=kind)
    file.write_text(text)
    capsys.readouterr()
    return engine_ctl(["check", str(file)]), "".join(capsys.readouterr())


def test_an_accepted_strategy_passes_the_check_of_live_mode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way: summary, thresholds, verdict, configuration."""
    assert gate(tmp_path, summary())[0] == 0
    code, text = check(tmp_path, capsys)
    assert code == 0, text


def test_a_strategy_without_a_verdict_is_refused_where_it_is_required(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only in mode live, and only with the key."""
    code, text = check(tmp_path, capsys, accepted=False)
    assert code == 2
    assert "strategies.taker: live.accepted_only requires `accepted" in text
    assert check(tmp_path, capsys, accepted=False, only="false")[0] == 0
    assert check(tmp_path, capsys, accepted=False, mode="paper")[0] == 0


def test_a_rejected_strategy_is_refused_live_and_may_trade_on_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The refusal names each threshold that failed, with what was found."""
    assert gate(tmp_path, summary(), "trades_least = 501\nsharpe_least = 1.5")[0] == 1
    code, text = check(tmp_path, capsys)
    assert code == 2
    assert "rejected: trades_least: trades 500, expected at least 501" in text
    assert "sharpe" not in text
    assert check(tmp_path, capsys, mode="paper")[0] == 0


@pytest.mark.parametrize("mode", ["live", "paper"])
def test_a_verdict_on_other_parameters_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    """What was tested is not what would trade; the parameter is named with both values."""
    gate(tmp_path, summary())
    code, text = check(tmp_path, capsys, mode=mode, entry=0.5)
    assert code == 2
    assert "entry was 0.45, the configuration has 0.5" in text


def test_a_verdict_on_other_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One changed byte of the strategy's file, or of a module beside it that it imports."""
    file, helper = tmp_path / "gated_mine.py", tmp_path / "gated_helper.py"
    helper.write_text("EDGE = 1\n")
    text = "import gated_helper\nfrom engine.strategy.samples import MomentumTaker\n\n"
    text += "class Mine(MomentumTaker):\n    pass\n"
    file.write_text(text)
    kind = _imported(file)
    seals = {"strategy": name_of(kind), "code": source(kind), "data": "d" * 64}
    gate(tmp_path, msgspec.structs.replace(summary(), seals=seals))
    assert check(tmp_path, capsys, kind="gated_mine:Mine")[0] == 0
    for changed in (file, helper):
        before = changed.read_text()
        changed.write_text(before + "# changed\n")
        code, text = check(tmp_path, capsys, kind="gated_mine:Mine")
        assert code == 2
        assert "the code of gated_mine:Mine has changed since" in text
        changed.write_text(before)
    assert check(tmp_path, capsys, kind="gated_mine:Mine")[0] == 0
    code, text = check(tmp_path, capsys)
    assert code == 2
    assert "it is about gated_mine:Mine" in text


def _imported(file: Path) -> type[MomentumTaker]:
    """The class of a strategy's file."""
    sys.path.insert(0, str(file.parent))
    try:
        import gated_mine  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(file.parent))
    found: type[MomentumTaker] = gated_mine.Mine
    return found


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"rejected"', '"accepted"', "changed after research.accept wrote it"),
        ('"format": 1', '"format": 9', "format 9, expected 1"),
        ('"verdict"', '"verdikt"', "expected a file of python -m research.accept"),
        ('"seal"', "", "expected a file of python -m research.accept"),
    ],
)
def test_a_changed_verdict_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, text: str
) -> None:
    """A rejection that was edited by hand is not an acceptance."""
    _, out = gate(tmp_path, summary(), "trades_least = 501")
    assert old in out.read_text()
    out.write_text(out.read_text().replace(old, new))
    code, found = check(tmp_path, capsys)
    assert code == 2
    assert text in found
    out.unlink()
    assert "No such file or directory" in check(tmp_path, capsys)[1]


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda one: one.threshold)
def test_each_threshold_accepts_at_its_bound_and_rejects_beyond_it(bound) -> None:  # noqa: ANN001
    """Also nan, None, and a figure that is absent are rejected: what is not known is not accepted."""
    limit = 1 if bound.threshold == "trades_least" else 0.5
    wanted = msgspec.convert({bound.threshold: limit}, Thresholds)
    beyond = limit - 0.01 if bound.is_least else limit + 0.01

    def verdict(value: float | None) -> str:
        known = Known(value, value, value) if bound.part == "value" else Known(limit, **{bound.part: value})
        return judge(summary(**{bound.figure: known}), wanted).verdict

    assert [verdict(value) for value in (limit, beyond, None)] == ["accepted", "rejected", "rejected"]
    assert verdict(float("nan")) == "rejected"
    figures = {name: value for name, value in summary().figures.items() if name != bound.figure}
    assert judge(msgspec.structs.replace(summary(), figures=figures), wanted).verdict == "rejected"


def test_what_favouring_assumptions_add_is_bounded_and_must_be_known() -> None:
    """10 of 100 is a tenth; one that nobody priced is rejected."""
    assert [judge(summary(), Thresholds(favouring_share_most=most)).verdict for most in (0.1, 0.09)] == [
        "accepted",
        "rejected",
    ]
    unknown = msgspec.structs.replace(summary(), favours={"no_impact": None})
    [row, _] = judge(unknown, Thresholds(favouring_share_most=9.0)).rows
    assert not row.holds
    assert "what no_impact add is not known" in row.text


def test_missing_data_is_rejected_unless_it_is_permitted() -> None:
    """A result over a gap is that of a part of the market."""
    partial = msgspec.structs.replace(summary(), missing=["3 gaps"])
    assert judge(partial, Thresholds(trades_least=1)).verdict == "rejected"
    assert judge(partial, Thresholds(trades_least=1, partial=True)).verdict == "accepted"


@pytest.mark.parametrize(("found", "verdict"), [("true", 0), ("false", 1), (None, 1)])
def test_evidence_must_be_given_and_must_have_passed(tmp_path: Path, found: str | None, verdict: int) -> None:
    """A test that was not made has not passed."""
    given, out = summary().save(tmp_path / "summary.json"), tmp_path / "out.json"
    words = [str(given), str(thresholds(tmp_path / "t.toml", 'evidence = ["lookahead"]')), "--out", str(out)]
    if found is not None:
        (tmp_path / "look.json").write_text(f'{{"passed": {found}}}')
        words += ["--evidence", f"lookahead={tmp_path / 'look.json'}"]
    assert main(words) == verdict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trade_least = 5", "did you mean trades_least"),
        ("drawdown_most = 15", "drawdown_most"),
        ("", "one table [accept] with thresholds"),
        ('trades_least = "many"', "trades_least"),
    ],
)
def test_a_threshold_that_is_wrong_is_named(tmp_path: Path, text: str, expected: str) -> None:
    """A misspelt bound would be a bound that nobody checks; 15 is no part of a capital."""
    with pytest.raises(ValueError, match=r"t\.toml") as error:
        read_thresholds(thresholds(tmp_path / "t.toml", text))
    assert expected in str(error.value)


def test_a_run_that_does_not_say_what_it_tested_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the code's hash the verdict would belong to nothing."""
    with pytest.raises(SystemExit) as exit_:
        gate(tmp_path, summary_of(made()))
    assert exit_.value.code == 2
    assert "the summary has no hash of strategy, code" in capsys.readouterr().err


def test_a_summary_survives_its_file(tmp_path: Path) -> None:
    """Every figure and reason is read back; a broken file is named."""
    one = summary_of(made(), seed=3)
    assert load(one.save(tmp_path / "one.json")) == one
    assert json.loads((tmp_path / "one.json").read_text())["figures"]["ruin"]["value"] == 0.0
    (tmp_path / "bad.json").write_text('{"format": 1}')
    with pytest.raises(ValueError, match=r"bad\.json.*expected a summary"):
        load(tmp_path / "bad.json")
