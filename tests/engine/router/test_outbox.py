"""The intents on their way to an account, where more strategies than one have parents."""

import pytest

from engine.lanes import lane_of
from engine.lanes.memory import MemoryCells, MemoryRing
from engine.model.intent_id import routed_id
from engine.router.lanes import AccountLanes
from engine.router.outbox import CODEC, Outbox

LOW, HIGH = 3, 7  # two strategies


def intent(strategy: int, count: int) -> bytes:
    """The bytes of an intent of the router."""
    row = CODEC.unpack(bytes(CODEC.record.size))
    return CODEC.pack_row(row._replace(intent_id=routed_id(strategy, count), strategy=strategy))


@pytest.mark.parametrize("newest", [LOW, HIGH])
@pytest.mark.parametrize("other", [LOW, HIGH])
def test_after_a_death_each_strategys_missing_child_is_submitted_and_no_other(newest: int, other: int) -> None:
    """A child that is never submitted never ends, and neither does its parent: the order is lost without a word."""
    ring = MemoryRing(lane_of("routed"))
    accepted = MemoryCells(lane_of("accepted"))
    accepted.write(0, 0, 0, 0, (0,) * 5)
    ring.follow(accepted, 0)
    ring.publish_bytes(intent(newest, 50))
    answers = MemoryRing(lane_of("orders")).reader()
    outbox = Outbox(AccountLanes(ring, ring.reader(0), answers, answers))
    outbox.submit_again(intent(other, 49))
    outbox.submit_again(intent(other, 51))
    reader, found = ring.reader(0), []
    while (row := reader.read()) is not None:
        found.append(row.intent_id)
    assert found == [routed_id(newest, 50), routed_id(other, 51)]
