"""One order over three accounts, in real processes: three venues, a feed, an execution for each account, the router."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from engine.cli.look import newest_routes
from engine.lanes import LOOKERS, open_lanes
from engine.model.intent_id import is_routed
from engine.model.words import OrderState
from engine.router.journal import Begun, Done, Ended, Journal, Sent
from engine.router.parents import INTENT_CODEC
from tests.engine.floor import Floor, until
from tests.engine.supervisor.test_accounts import differences, known

VENUES = ("east", "west", "north")
STRIKES = ("router", "west_main", "router", "round_trip", "north_main", "router", "feed", "router")


def traded(system: Floor) -> Counter[str]:
    """How many fills each venue's own log has."""
    return Counter({venue: sum(one["what"] == "fill" for one in system.truth(venue)) for venue in VENUES})


def parents(system: Floor) -> dict[int, tuple[int, int]]:
    """By parent: its size and what its strategy was shown as filled last."""
    lane = open_lanes(system.system, LOOKERS).ring_reader("route_orders", "router")
    lane.cursor, found = lane.oldest, {}
    while (row := lane.read()) is not None:
        found[row.intent_id] = (row.state, row.size, row.filled)
    return found


@pytest.mark.soak
def test_kills_of_any_process_lose_and_double_nothing_of_a_routed_order(floor: Callable[..., Floor]) -> None:
    """Σ of the children's fills is what the strategy was shown, and never above the parent; the venues' logs agree."""
    system = floor(config="routed")
    system.up()
    until(lambda: sum(traded(system).values()) > 10)
    ones = known(system)
    for name in STRIKES:
        before, pid = traded(system), system.pid(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda name=name, pid=pid: system.pid(name) not in (0, pid))
        until(lambda before=before: sum(traded(system).values()) > sum(before.values()) + 4)
    assert system.type("halt") == 0
    until(lambda: all(state >= OrderState.FILLED for state, _, _ in parents(system).values()))
    shown = parents(system)
    assert not [one for one in shown.values() if one[2] > one[1]]
    assert not any(system.open_orders(venue) for venue in VENUES)
    children = fills_of_children(system)
    assert system.type("down") == 0
    used = [venue for venue in VENUES if children[venue]]
    assert len(used) > 1, "the order spans accounts"
    assert {venue: differences(system, venue, ones) for venue in used} == {venue: [] for venue in used}
    assert sum(filled for _, _, filled in shown.values()) == sum(children.values())
    check_journal(system)


@pytest.mark.soak
def test_an_operator_ends_a_routed_order_by_its_id_while_a_venue_does_not_answer(floor: Callable[..., Floor]) -> None:
    """He cannot wait for the venue: no account gets a further share, and the command does not call it done."""
    system = floor(config="routed")
    system.up()
    until(lambda: sum(traded(system).values()) > 4)
    venue = system.pid("north_venue")
    os.kill(venue, signal.SIGSTOP)
    try:
        parent = until(lambda: next((one for one, row in newest_routes(system.system).items() if waits(row)), 0))
        assert system.type("cancel", str(parent), "--timeout", "0.5") == 1
        assert waits(newest_routes(system.system)[parent])
    finally:
        os.kill(venue, signal.SIGCONT)
    until(lambda: not waits(newest_routes(system.system)[parent]))
    assert newest_routes(system.system)[parent].error_text.startswith(b"an operator's cancel")


def waits(row: Any) -> bool:
    """Whether a parent is open for longer than a venue needs to answer."""
    return row.state < OrderState.FILLED and time.time_ns() - row.sent_ns > 500_000_000


def fills_of_children(system: Floor) -> Counter[str]:
    """The sizes that each account's execution published for intents of the router; every size has 5 decimals here."""
    lanes, sizes = open_lanes(system.system, LOOKERS), Counter[str]()
    for venue in VENUES:
        lane = lanes.ring_reader("fills", f"{venue}_main")
        lane.cursor, known_fills = lane.oldest, set()
        while (row := lane.read()) is not None:
            assert is_routed(row.intent_id)
            sizes[venue] += row.size if row.venue_fill_id not in known_fills else 0
            known_fills.add(row.venue_fill_id)  # a restarted execution may publish its newest fill again
    return sizes


def check_journal(system: Floor) -> None:
    """Every child in the journal has ended, and no parent has more than its size."""
    journal = Journal(system.paths.router_journal())
    sizes, filled, open_children, ends = {}, Counter[int](), set(), Counter[int]()
    for record in journal.replay():
        match record:
            case Begun(intent=data):
                intent = INTENT_CODEC.unpack(data)
                sizes[intent.intent_id], filled[intent.intent_id] = intent.size, record.filled
            case Sent():
                open_children.add(INTENT_CODEC.unpack(record.intent).intent_id)
            case Ended():
                open_children.discard(record.child)
                filled[record.parent] += record.filled - ends[record.child]  # execution may have corrected an end
                ends[record.child] = record.filled
            case Done():
                assert filled[record.parent] <= sizes[record.parent]
    journal.close()
    assert sizes
    assert not open_children
