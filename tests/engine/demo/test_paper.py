"""configs/paper.toml as shipped: it keeps trading within its own order rate."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import shm
from engine.cli import main
from engine.config import Config, load
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import OrderState, Reason
from engine.risk.limits import RiskLimits
from tests.engine.ports import free_port

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
FORMER_STOP, LIMIT_S = 60, 110
RATE = (Reason.ORDER_RATE, Reason.STRATEGY_RATE)


@pytest.fixture
def config(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """The shipped file under another name, on a free port and on whatever cores there are."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    port = str(free_port())
    text = (CONFIGS / "paper.toml").read_text().replace("9720", port).replace('name = "paper"', f'name = "{system}"')
    text = text.replace("{here}", str(CONFIGS)).replace("cores = [0]\n", "").replace("cores = [1]\n", "")
    file = tmp_path / "paper.toml"
    file.write_text(text.replace('wait = "spin"', 'wait = "block"'))
    yield load(file)
    main(["down", "--system", system])
    for name in shm.names(system):
        shm.remove(name)


def test_the_shipped_file_trades_on_after_its_first_minute(config: Config) -> None:
    """It used to stop after five seconds: its maker had used up the rate that its own table allowed."""
    assert main(["up", config.path]) == 0
    orders = open_lanes(config.system.name, LOOKERS).ring_reader("orders")
    verdicts = open_lanes(config.system.name, LOOKERS).ring_reader("verdicts")
    orders.cursor, verdicts.cursor = orders.header.first, verdicts.header.first
    sent: set[int] = set()
    deadline = time.monotonic() + LIMIT_S
    while len(sent) < FORMER_STOP + 20 and time.monotonic() < deadline:
        while (row := orders.read()) is not None:
            if row.state == OrderState.SENT:
                sent.add(row.intent_id)
        orders.wait(50_000_000)
    refused = []
    while (row := verdicts.read()) is not None:
        refused.append(row.reason)
    assert len(sent) >= FORMER_STOP + 20
    assert not set(refused) & set(RATE)


@pytest.mark.parametrize("name", ["paper.toml", "demo.toml"])
def test_a_shipped_makers_pace_is_within_its_share_of_the_order_rate(name: str) -> None:
    """An engineer who changes one of them must change the other."""
    shipped = load(CONFIGS / name)
    limits = msgspec.convert(shipped.risk, RiskLimits)
    share = limits.strategy_rate(limits.common_rate, len(shipped.strategies))
    maker = shipped.strategy("maker")
    interval_ms = maker.parameters.get("quote_interval_ms", 0)
    if interval_ms:
        assert 2 * len(maker.instruments) * 60_000 // interval_ms <= share
    else:
        assert share >= 1_000, "a maker without an interval needs a wide rate"
