"""`engine-ctl set` and `engine-ctl strategy` on a whole trading system, in real processes."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from engine.config import settings
from engine.control import Refused, call
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import Reason
from tests.engine.answers import data_of, rows_of
from tests.engine.floor import Floor, until

Capture = pytest.CaptureFixture[str]


def answer(floor: Floor, capfd: Capture, *words: str, code: int = 0) -> Any:
    """An operator's command, and its JSON."""
    capfd.readouterr()
    assert floor.type(*words, "--json") == code
    return data_of(capfd.readouterr().out)


def answers(floor: Floor, capfd: Capture, *words: str) -> list[Any]:
    """An operator's command that lists, and its JSON."""
    capfd.readouterr()
    assert floor.type(*words, "--json") == 0
    return rows_of(capfd.readouterr().out)


def audited(floor: Floor, command: str) -> list[dict[str, Any]]:
    """The audit's lines of a command."""
    lines = map(json.loads, floor.paths.audit.read_text().splitlines())
    return [line for line in lines if line["command"] == command]


def refused_for(floor: Floor, reason: Reason) -> bool:
    """Whether execution has refused an intent for this reason."""
    ring = open_lanes(floor.system, LOOKERS).ring_reader("verdicts")
    ring.cursor = ring.oldest
    return any(getattr(row, "reason", 0) == reason for row in ring.rows())


@pytest.mark.timeout(240)
def test_a_set_value_is_applied_confirmed_and_outlives_every_process(
    floor: Callable[..., Floor], capfd: Capture
) -> None:
    """A limit that an operator sets holds across every restart: of a role, of the supervisor, and down and up."""
    house = floor()
    house.up()
    found = answer(house, capfd, "set", "risk.max_order_size_usd", "1")
    assert found["changes"] == [{"name": "max_order_size_usd", "before": "10000", "after": "1"}]
    assert found["roles"] == {"execution": "applied"}
    assert until(lambda: refused_for(house, Reason.ORDER_TOO_LARGE))
    [line] = audited(house, "set")
    assert (line["uid"], line["pid"], line["answer"]["result"]["changes"]) == (
        os.getuid(),
        os.getpid(),
        found["changes"],
    )
    for victim in ("execution", "supervisor"):
        pid = house.status()["pid"] if victim == "supervisor" else house.pid(victim)
        os.kill(pid, signal.SIGKILL)
        assert until(lambda: set_everywhere(house))
    capfd.readouterr()
    assert house.type("down", "--timeout", "60") in {0, 1}
    house.up()
    assert set_everywhere(house)
    found = answer(house, capfd, "set", "--drop", "risk.max_order_size_usd")
    assert found["roles"] == {"execution": "applied"}
    assert house.status()["settings"] == {}


def set_everywhere(house: Floor) -> bool:
    """Whether execution confirms the value that is stored."""
    try:
        one = house.status()["settings"]["risk"]
    except Exception:  # noqa: BLE001 - the supervisor is being started again
        return False
    applied = one["applied"]["execution"] == one["version"]
    return applied and one["values"]["max_order_size_usd"]["value"] == "1"


@pytest.mark.timeout(240)
def test_parameters_are_set_together_and_wrong_ones_leave_everything_as_it_was(
    floor: Callable[..., Floor], capfd: Capture
) -> None:
    """A wrong value is found by the command, before anything is sent, and by the role if it came another way."""
    house = floor()
    house.up()
    found = answer(house, capfd, "set", "maker", "half_width_steps=7", "size=0.002")
    assert [(one["name"], one["after"]) for one in found["changes"]] == [("half_width_steps", 7), ("size", "0.002")]
    assert found["roles"] == {"maker": "applied"}
    version = found["version"]
    assert house.type("status") in {0, 1}
    assert "maker.half_width_steps = 7: set by" in capfd.readouterr().out
    keys = {one["key"]: one for one in answer(house, capfd, "config", "show", "--only", "strategies.maker")["keys"]}
    assert keys["strategies.maker.parameters.size"]["value"] == "0.002"
    assert keys["strategies.maker.parameters.size"]["source"].startswith("set by")
    for words, text in (
        (("maker", "half_width_steps=0", "size=0.003"), "half_width_steps"),
        (("maker.sise", "0.003"), "unknown parameter `sise`"),
        (("taker.exit", "0.9"), "exit must be below entry"),
        (("risk.max_spread_bps", "0"), "max_spread_bps must be positive"),
        (("nobody.size", "1"), "no owner 'nobody', expected one of risk, maker, taker"),
    ):
        assert house.type("set", *words) == 2
        assert text in capfd.readouterr().err
    with pytest.raises(Refused, match="max_spread_bps must be positive"):
        call(house.paths.control, "set", owner="risk", values={"max_spread_bps": -1})
    assert house.status()["settings"]["maker"]["version"] == version
    call(house.paths.control, "set", owner="maker", values={"half_width_steps": 0})
    assert until(lambda: "refused" in house.log("supervisor"))
    one = until(
        lambda: (found := house.status()["settings"]["maker"])["applied"]["maker"] == found["version"] and found
    )
    assert {name: value["value"] for name, value in one["values"].items()} == {"half_width_steps": 7, "size": "0.002"}


@pytest.mark.timeout(240)
def test_a_disabled_strategy_stays_out_of_the_market_across_restarts(
    floor: Callable[..., Floor], capfd: Capture
) -> None:
    """The others trade on; only `enable` lets it trade again."""
    house = floor()
    house.up()
    assert house.trades()
    found = answer(house, capfd, "strategy", "disable", "maker")
    assert (found["before"], found["after"]) == ("enabled", "disabled")
    assert found["roles"] == {"maker": "applied", "execution": "applied"}
    listed = {one["name"]: one["enabled"] for one in answers(house, capfd, "strategy", "list")}
    assert listed == {"maker": False, "taker": True}
    for name in ("maker", "execution"):
        os.kill(house.pid(name), signal.SIGKILL)
    assert until(lambda: house.status()["settings"]["maker"]["applied"] and all_settled(house))
    working = [one for one in answers(house, capfd, "orders") if one["strategy_name"] == "maker"]
    assert working == []
    found = answer(house, capfd, "strategy", "enable", "maker")
    assert found["roles"] == {"maker": "applied", "execution": "applied"}
    assert house.trades()


def all_settled(house: Floor) -> bool:
    """Whether every process runs."""
    return all(one["phase"] == "running" for one in house.status()["processes"])


@pytest.mark.timeout(240)
def test_a_file_that_contradicts_a_setting_is_refused_until_an_operator_decides(
    floor: Callable[..., Floor], capfd: Capture
) -> None:
    """Which of the two values is meant is not known to the engine, and one of them would be a surprise."""
    house = floor()
    house.up()
    assert house.type("set", "maker.size", "0.003") == 0
    assert house.type("down", "--timeout", "60") in {0, 1}
    text = house.file.read_text()
    [old] = [line for line in text.splitlines() if line.startswith("size =")][:1] or [""]
    house.file.write_text(text.replace(old, 'size = "0.009"', 1))
    capfd.readouterr()
    from engine.cli import main as engine_ctl

    assert engine_ctl(["up", str(house.file)]) == 2
    error = capfd.readouterr().err
    assert "maker.size was set to '0.003'" in error
    assert "--keep" in error
    assert engine_ctl(["set", "--keep", "maker.size", "--config", str(house.file)]) == 0
    assert settings.read(house.paths.settings).of("maker").values["size"].file == "0.009"
    assert engine_ctl(["check", str(house.file)]) == 0
    assert engine_ctl(["set", "--drop", "maker.size", "--config", str(house.file)]) == 0
    assert settings.read(house.paths.settings).of("maker").values == {}
    assert audited(house, "set")[-1]["arguments"]["dropped"] == ["size"]
