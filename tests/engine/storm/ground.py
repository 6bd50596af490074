"""What a storm strikes: the venues of a configuration, what its operator types, and how its end is audited."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from engine.demo import audit
from engine.model import client_id
from engine.model.intent_id import is_routed
from engine.router.journal import Begun, Ended, Journal, Sent
from engine.router.parents import INTENT_CODEC
from tests.engine.floor import ACCOUNT, Floor
from tests.engine.supervisor.test_accounts import differences, known

ROUTE_DECIMALS = 5  # of every size in configs/routed.toml

Words = tuple[str, ...]
EVERYWHERE: tuple[Words, ...] = (
    ("halt", "--timeout", "2"),
    ("flatten", "--timeout", "3"),
    ("resume",),
    ("resume", "--all"),
    ("resume", "--all"),
    ("cancel-all",),
    ("kill", "feed"),
    ("set", "risk.max_order_rate_per_min", "2000"),
    ("status",),
)


class Ground(NamedTuple):
    """One configuration."""

    config: str
    venues: Mapping[str, str]  # by the name of its log: the process of each venue
    commands: tuple[Words, ...]
    audit: Callable[[Floor], list[str]]  # brings the system down; what was lost or doubled


def audit_demo(floor: Floor) -> list[str]:
    """The journal of the account against the venue's log."""
    return [one.text for one in floor.differences()]


def audit_routed(floor: Floor) -> list[str]:
    """The journal of each account against its venue's log, and the router's against all of them."""
    ones = known(floor)
    assert floor.type("down", "--timeout", "60") == 0
    traded = [venue for venue in ROUTED.venues if any(one["what"] == "fill" for one in floor.truth(venue))]
    wrong = [f"{venue}: {text}" for venue in traded for text in differences(floor, venue, ones)]
    return wrong + audit_router(floor)


def audit_router(floor: Floor) -> list[str]:
    """Every child has ended and counts with what its venue filled, and no parent has traded more than its size."""
    filled = filled_at_venues(floor)
    sizes, children, ends = Counter[int](), dict[int, int](), dict[int, Ended]()
    journal = Journal(floor.paths.router_journal())
    for record in journal.replay():
        match record:
            case Begun(intent=data):
                intent = INTENT_CODEC.unpack(data)
                sizes[intent.intent_id] = intent.size - record.filled
            case Sent():
                children[INTENT_CODEC.unpack(record.intent).intent_id] = record.parent
            case Ended():
                ends[record.child] = record
    journal.close()
    wrong = [f"child {one} has no end" for one in children.keys() - ends.keys()]
    for child, parent in children.items():
        sizes[parent] -= filled[child]
        if child in ends and not ends[child].guessed and ends[child].filled != filled[child]:
            wrong.append(f"child {child}: {ends[child].filled} in the router's journal, {filled[child]} at the venue")
    return wrong + [f"parent {one} has traded {-left} too much" for one, left in sizes.items() if left < 0]


def filled_at_venues(floor: Floor) -> Counter[int]:
    """What the venues' own logs have of each child of the router, by its intent."""
    found, scale = Counter[int](), 10 ** (audit.TRUTH_DECIMALS - ROUTE_DECIMALS)
    for venue in ROUTED.venues:
        for order, (_, size) in audit.read_truth(floor.paths.state / f"{venue}-truth.log", ACCOUNT).orders.items():
            intent = client_id.decode(bytes.fromhex(order))[1]
            found[intent] += size // scale if is_routed(intent) else 0
    return found


DEMO = Ground(
    "demo",
    {"venue": "venue"},
    (
        *EVERYWHERE,
        ("halt", "--strategy", "maker"),
        ("flatten", "--instrument", "ETHUSDT", "--timeout", "3"),
        ("cancel", "--strategy", "taker"),
        ("restart", "execution", "--timeout", "5"),
        ("restart", "maker", "--timeout", "5"),
        ("set", "maker", "size=0.002", "--timeout", "5"),
    ),
    audit_demo,
)
ROUTED = Ground(
    "routed",
    {venue: f"{venue}_venue" for venue in ("east", "west", "north")},
    (
        *EVERYWHERE,
        ("halt", "--strategy", "round_trip"),
        ("halt", "--account", "west_main"),
        ("flatten", "--instrument", "north:BTCUSDT", "--timeout", "3"),
        ("cancel", "--strategy", "round_trip"),
        ("orders",),
        ("restart", "router", "--timeout", "5"),
        ("restart", "north_main", "--timeout", "5"),
    ),
    audit_routed,
)
