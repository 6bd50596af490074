"""`engine-ctl reload`, `restart` of several, `kill` and `latency` on a whole trading system."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.cli.reload import differences, flat
from engine.config import Config, load
from tests.engine.cli.test_set_command import answer, audited
from tests.engine.floor import Floor, until

Capture = pytest.CaptureFixture[str]


def edit(house: Floor, **lines: str) -> None:
    """Replace lines of the file, by their key."""
    text = house.file.read_text().splitlines()
    for key, line in lines.items():
        at = next(index for index, one in enumerate(text) if one.startswith(f"{key} ="))
        text[at] = line
    house.file.write_text("\n".join(text) + "\n")


@pytest.mark.timeout(240)
def test_reload_applies_what_can_change_and_names_what_needs_a_start(
    floor: Callable[..., Floor], capfd: Capture
) -> None:
    """An operator edits the one file and must know which of its lines are in force."""
    house = floor("\n[watch]\nlate_ms = 250\n")
    limits = house.file.with_name("limits.toml")
    limits.write_text("[position_limits]\nmax_gross_usd = 900000.0\n")
    house.file.write_text(f'risk_limits = "limits.toml"\n{house.file.read_text()}')
    house.up()
    assert answer(house, capfd, "reload")["differences"] == []
    edit(house, max_order_rate_per_min="max_order_rate_per_min = 0")
    assert house.type("reload") == 2
    assert "max_order_rate_per_min must be positive" in capfd.readouterr().err
    assert house.status()["settings"] == {}
    assert house.type("set", "maker.half_width_steps", "5") == 0
    limits.write_text("[position_limits]\nmax_gross_usd = 800000.0\n")
    assert house.type("config", "show", "--only", "risk.max_gross_usd") == 0
    shown = capfd.readouterr()
    assert "or the file of its limits, has changed since" in shown.err
    assert "900000.0" in shown.out
    edit(
        house,
        max_order_rate_per_min="max_order_rate_per_min = 2000",
        half_width_steps="half_width_steps = 4",
        late_ms="late_ms = 300",
        bars='bars = ["1s", "1m"]',
    )
    found = answer(house, capfd, "reload")
    needs = {one["key"]: (one["after"], one["needs"]) for one in found["differences"]}
    assert needs == {
        "risk.max_order_rate_per_min": (2000, ""),
        "risk.max_gross_usd": (800000.0, ""),
        "strategies.maker.parameters.half_width_steps": (4, ""),
        "watch.late_ms": (300, "engine-ctl down, then up"),
        "aggregation.bars": (["1s", "1m"], "engine-ctl restart aggregation"),
    }
    assert found["roles"] == {"execution": "applied", "maker": "applied"}
    assert house.status()["settings"]["risk"]["values"]["max_gross_usd"]["value"] == 800000.0
    assert house.type("config", "show", "--only", "risk.max_gross_usd") == 0
    assert "has changed since" not in capfd.readouterr().err
    values = house.status()["settings"]["maker"]["values"]["half_width_steps"]
    assert (values["value"], values["reloaded"]) == (4, True)
    assert answer(house, capfd, "reload")["differences"] == []
    assert audited(house, "reload")[-1]["answer"]["ok"]
    found = answer(house, capfd, "restart", "aggregation", "taker")
    assert [one["process"] for one in found["restarted"]] == ["aggregation", "taker"]
    assert all(one["before"] != one["after"] for one in found["restarted"])
    before = house.pid("feed")
    assert answer(house, capfd, "kill", "feed")["killed_pid"] == before
    assert until(lambda: house.pid("feed") not in {0, before})
    assert house.trades()
    assert until(lambda: acknowledged(answer(house, capfd, "latency", "-n", "200")["latencies"]))
    assert house.type("down", "--timeout", "60") in {0, 1}
    house.up()
    assert house.status()["settings"] == {}, "a value of reload is the file's own"


def acknowledged(latencies: list[dict[str, Any]]) -> bool:
    """Whether a strategy has an order that the venue has answered, and every figure is of the one venue."""
    assert {one["venue"] for one in latencies} <= {"binance"}
    return any(one["stages"].get("order_to_ack", {"p50_ns": 0})["p50_ns"] > 0 for one in latencies)


def test_every_key_of_two_configurations_is_compared(floor: Callable[..., Floor]) -> None:
    """A difference that is not printed is believed to be in force."""
    before = load(floor().file)
    found: dict[str, Any] = {one.key: one.needs for one in differences(before, changed(before))}
    assert found == {
        "system.mode": "engine-ctl down, then up",
        "risk.usd_quotes": "engine-ctl restart execution",
        "execution.orphans": "engine-ctl restart execution",
        "strategies.taker.class": "engine-ctl down, then up",
    }


def changed(config: Config) -> Config:
    """Another value in several tables."""
    import msgspec

    tree = msgspec.to_builtins(config)
    tree["system"]["mode"] = "live"
    tree["risk"]["usd_quotes"] = ["USD"]
    tree["execution"]["orphans"] = "keep"
    tree["strategies"][1]["class"] = "other:Class"
    return msgspec.convert(tree, Config)


def test_what_a_running_router_follows_is_applied_and_the_rest_is_named(floor: Callable[..., Floor]) -> None:
    """An operator who changes a fee or a cap must know what is in force and what to restart."""
    house = floor(config="routed")
    edit(
        house,
        latency_bps_per_ms="latency_bps_per_ms = 0.1\nwave_ms = 9\nsilent_ms = 400",
        max_gross_usd="max_gross_usd = 50000.0\nstale_ms = 400",
        taker_fee_bps="taker_fee_bps = { east = 3, west = 2.5, north = 1 }",
    )
    found = {one.key: (one.owner, one.needs) for one in differences(house.config, load(house.file))}
    restarts = "engine-ctl restart east_main west_main north_main"
    assert found == {
        "router.latency_bps_per_ms": ("router", ""),
        "router.wave_ms": ("router", ""),
        "router.silent_ms": ("", "engine-ctl restart router"),
        "router.taker_fee_bps.north": ("", "engine-ctl restart router"),
        "budgets.max_gross_usd": ("router", ""),
        "budgets.stale_ms": ("", restarts),
    }


def test_an_element_of_a_list_is_named_by_its_name() -> None:
    """A strategy that is put before another in the file must not look like a change of both."""
    tree = {"strategies": [{"name": "b", "id": 2}, {"name": "a", "id": 1}], "empty": [], "cores": [1, 2]}
    assert flat(json.loads(json.dumps(tree))) == {
        "strategies.b.name": "b", "strategies.b.id": 2, "strategies.a.name": "a", "strategies.a.id": 1, "empty": [],
        "cores": [1, 2],
    }  # fmt: skip
