"""`engine-ctl trace` on a system that trades, against the venue's own log."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.cli import NOT_FOUND, WRONG_USE
from engine.config import Config
from engine.lanes import open_role
from engine.model.words import IntentKind, Reason
from engine.supervisor import segments
from tests.engine.cli.test_set_command import answers
from tests.engine.floor import Floor, until
from tests.engine.typed import MARKET, Typed, Write, zeros

Capture = pytest.CaptureFixture[str]
CAUSAL = (
    "data received", "data published", "strategy's step began", "intent", "verdict of risk", "journal",
    "sent to the venue", "answer", "fill received",
)  # fmt: skip


@pytest.mark.timeout(240)
def test_the_journey_of_a_filled_order_is_whole_and_in_order(floor: Callable[..., Floor], capfd: Capture) -> None:
    """From the byte that caused it to its fill, each time from a record, the fills as the venue's log has them."""
    house = floor()
    house.up()
    client, rows = until(lambda: caused_by_data(house, capfd))
    assert [row["stage"] for row in rows if row["stage"] != "data at the venue"][: len(CAUSAL) - 2] == list(CAUSAL[:-2])
    first = {stage: next(row for row in rows if row["stage"] == stage) for stage in CAUSAL}
    times = [first[stage]["at_ns"] for stage in CAUSAL[:-2]]
    assert times == sorted(times), rows
    assert first["answer"]["at_ns"] >= first["sent to the venue"]["at_ns"]  # both may be in one step
    assert all(first[stage]["lane"] and first[stage]["sequence"] >= 0 for stage in CAUSAL), rows
    assert first["data received"]["since_first_ns"] == 0
    filled = [one for one in house.truth() if one["what"] == "fill" and one["client_id"] == client]
    assert sum(row["stage"] == "fill received" for row in rows) == len(filled)
    assert house.type("trace", client) == 0
    assert "sent to the venue" in capfd.readouterr().out
    assert house.type("down", "--timeout", "60") == 0


def caused_by_data(house: Floor, capfd: Capture) -> tuple[str, list[dict[str, Any]]] | None:
    """A filled order that market data caused, as most are: others follow from an answer or a timer."""
    for client in {one["client_id"] for one in house.truth() if one["what"] == "fill"}:
        rows = answers(house, capfd, "trace", client)
        if {"data published", "fill received"} <= {row["stage"] for row in rows}:
            return client, rows
    return None


def test_an_order_that_no_lane_holds_is_named(typed: Typed, market: Config) -> None:
    """With what to do, and the exit code of what is not found."""
    text = typed("trace", "abc", "--system", market.system.name, code=NOT_FOUND)
    assert "abc: the lanes hold no such order" in text
    assert "engine-ctl orders --all --json" in text


def test_an_id_that_means_no_order_or_several_is_refused(typed: Typed, market: Config) -> None:
    """Orders that the venue has not named yet have an empty id, and two venues may give the same one."""
    assert "ORDER is empty" in typed("trace", " ", "--system", market.system.name, code=WRONG_USE)
    ring = open_role(market, "execution").ring_writer("orders")
    for number in (b"\7", b"\x08"):
        ring.publish(*zeros("orders", client_id=number * 16, intent_id=number[0], venue_order_id=b"X-55"))
    ring.close()
    text = typed("trace", "x-55", "--system", market.system.name, code=WRONG_USE)
    assert f"2 orders have this id, their client ids are {'07' * 16}, {'08' * 16}: name one" in text


STRATEGY = """
[[strategies]]
name = "taker"
id = 1
class = "engine.strategy.samples:MomentumTaker"
instruments = [7]
[strategies.parameters]
size = "0.01"
"""


def test_a_refused_intent_is_found_by_its_number(typed: Typed, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no order; its owner asks why nothing happened. In mode replay the lane of intents needs no consumer."""
    monkeypatch.setenv("STEELYARD__SYSTEM__MODE", "replay")
    config = write(MARKET + STRATEGY)
    segments.create(config)
    for role, lane, values in (
        ("taker", "intents", {"intent_id": 77, "now_ns": 5, "kind": IntentKind.PLACE}),
        ("execution", "verdicts", {"intent_id": 77, "now_ns": 6, "reason": Reason.HALTED}),
    ):
        ring = open_role(config, role).ring_writer(lane)
        ring.publish(*zeros(lane, **values))
        ring.close()
    rows = typed.rows("trace", "77", "--system", config.system.name)
    assert [row["stage"] for row in rows] == ["data received", "strategy's step began", "intent", "verdict of risk"]
    assert rows[-1]["text"] == "refused: HALTED"
