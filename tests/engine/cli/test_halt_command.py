"""What a halt reports."""

import pytest

from engine.cli.halting import Before, Found
from engine.config import Config
from engine.lanes import EXECUTION, open_lanes
from engine.model.words import (
    OrderState,
)
from tests.engine.typed import zeros


def test_a_halt_counts_the_orders_that_were_open_before_it(market: Config) -> None:
    """Execution cancels them within milliseconds: counted after the halt, there would be none."""
    before = Before.of(market.system.name, market.paths.halt)
    ring = open_lanes(market.system.name, EXECUTION).ring_writer("orders")
    for client in (b"\1", b"\2"):
        ring.publish(*zeros("orders", client_id=client * 16, state=OrderState.CANCELLED))
    ring.close()
    assert before.orders() == 2
    assert not before.halted
    assert Before.of(market.system.name, market.paths.halt).orders() == 0
    market.paths.halt.touch()
    assert Before.of(market.system.name, market.paths.halt).halted


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Found(True, {"execution": "halted"}, supervisor=True, on_disk=False, orders_left=0), "NOT ON DISK"),
        (
            Found(False, {"execution": "silent"}, supervisor=True, on_disk=True, orders_left=0),
            "NOT CONFIRMED: execution",
        ),
        (Found(True, {"execution": "halted"}, supervisor=False, on_disk=True, orders_left=2), "2 orders are still"),
        (Found(False, {"a": "halted", "b": "silent"}, supervisor=True, on_disk=True, orders_left=0), "CONFIRMED: b"),
        (Found(True, {"a": "halted", "b": "dead"}, supervisor=True, on_disk=False, orders_left=0), "b is dead"),
    ],
)
def test_an_incomplete_halt_is_reported(found: Found, text: str) -> None:
    """A halt in memory only is lost at a reboot; an unconfirmed halt may have no effect."""
    assert text in found.text()
    assert not found.complete
