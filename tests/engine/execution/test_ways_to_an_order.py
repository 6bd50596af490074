"""Every way to an order passes risk: the ways are counted in the code, and chance does not find another.

intent ─▶ Desk · Parents · Children ── gate.check ──▶ OrderSender ─▶ Broker ─▶ session.place · replace
intent ─▶ Express ── gate.approves ─────────────────────────────────────────▶ session.place
"""

import ast
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.model.words import BUY, NATIVE_TYPES, SELL, CommandKind, Reason
from engine.risk.gate import Refusal
from engine.venues.session import Waits
from engine.venues.trading.clearance import Clearance, UnclearedError
from tests.engine.execution.intents.test_wrong_intents import Writer, chance
from tests.engine.execution.memory import MS, STRATEGY

ROOT = Path(__file__).resolve().parents[3] / "engine"
SENDING = {"place", "place_native", "place_pair", "replace"}  # of a session, and of the broker before it
REQUESTS = SENDING | {"amend"}
PASSING = {"send", "begin_parent", "send_child", "replace", "replace_child"}  # of the order sender
CHECKS = {"check", "_check"}  # of the gate, and of Children, which asks it

Way = tuple[str, str, str]  # file, function, the method it calls


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node


def calls(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """Every call of a method of an attribute or name: what it is called on, and the method."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            on = node.func.value
            name = on.attr if isinstance(on, ast.Attribute) else on.id if isinstance(on, ast.Name) else ""
            yield name.strip("_"), node.func.attr


def ways(of: str, methods: set[str], rooms: str) -> set[Way]:
    """Every Python function of these rooms that calls such a method of what is named so."""
    return {
        (str(path.relative_to(ROOT)), function, method)
        for path in sorted(ROOT.glob(rooms))
        for function, node in functions(path)
        for on, method in calls(node)
        if on == of and method in methods
    }


def test_two_parts_of_the_engine_send_an_order_to_a_session() -> None:
    """A third would be a way without a check."""
    assert ways("session", SENDING, "**/*.py") == {
        ("execution/venue/broker.py", "place", "place"),
        ("execution/venue/broker.py", "place", "place_native"),
        ("execution/venue/broker.py", "_place_pair", "place_pair"),
        ("execution/venue/broker.py", "replace", "replace"),
    }
    compiled = {
        str(path.relative_to(ROOT)): len(
            re.findall(r"session\.(?:place|place_native|place_pair|replace)\(", path.read_text())
        )
        for path in sorted(ROOT.rglob("*.pyx"))
    }
    assert {name: count for name, count in compiled.items() if count} == {"execution/intents/express.pyx": 1}


def test_every_request_of_every_session_spends_risks_clearance_first() -> None:
    """A session that forgets it would be a way without a check; a new venue's session is in this list by itself."""
    sessions = sorted(ROOT.glob("venues/*/trading/session.py"))
    assert sessions
    for path in sessions:
        sending = {name: node for name, node in functions(path) if name in REQUESTS}
        assert set(sending) == REQUESTS, path
        for name, node in sending.items():
            first = [one for one in node.body if isinstance(one, ast.Expr)][1]  # after the docstring
            assert list(calls(ast.FunctionDef(name, node.args, [first], []))) in (
                [("clearance", "spend")], [("clearance", "spend_waiting")]
            ), f"{name} in {path}"  # fmt: skip


def test_the_gates_own_checks_alone_grant_a_clearance() -> None:
    """Whoever else granted one would decide in risk's place."""
    granting = {
        (str(path.relative_to(ROOT)), function)
        for path in sorted(ROOT.rglob("*.py"))
        for function, node in functions(path)
        for _, method in calls(node)
        if method == "grant"
    }
    assert granting == {("risk/gate.py", name) for name in ("check", "check_amend", "check_closing")}
    compiled = {
        str(path.relative_to(ROOT)): len(re.findall(r"\.grant\(", path.read_text()))
        for path in sorted(ROOT.rglob("*.pyx"))
    }
    assert {name: count for name, count in compiled.items() if count} == {"risk/approval.pyx": 3}


ORDER = (1, BUY, 1, 6_000_000, 1_000)  # instrument, side, time in force, price, size
ID = b"x" * 16


def cleared(house: Any, price: int = 6_000_000, size: int = 1_000) -> None:
    """Risk approves this order, and nothing sends it."""
    house.book()
    house.run()
    verdict = house.role.gate.check(house.now_ns, STRATEGY, 1, BUY, price, size, house.now_ns, 0)
    assert not isinstance(verdict, Refusal)


def test_a_request_without_risks_approval_does_not_leave(tmp_path: Path) -> None:
    """Each kind of request asks for it by itself, whatever calls it."""
    house = Writer(tmp_path).house
    session, now_ns, sent = house.role.session, house.now_ns, len(house.venue.orders)
    waits = Waits(next(iter(NATIVE_TYPES)), 6_100_000)
    for request in (
        lambda: session.place(*ORDER, ID, now_ns),
        lambda: session.place_native(waits, *ORDER, ID, now_ns),
        lambda: session.place_pair(waits, 1, BUY, 0, 6_000_000, 1_000, ID, b"y" * 16, now_ns),
        lambda: session.replace(*ORDER, ID, b"y" * 16, now_ns),
        lambda: session.amend(1, ID, 500, now_ns),
    ):
        with pytest.raises(UnclearedError, match="expected risk's approval of this request in this step, found none"):
            request()
    assert len(house.venue.orders) == sent


@pytest.mark.parametrize(
    ("of", "change"), [(0, 2), (1, SELL), (3, 6_000_005), (4, 1_001)], ids=["instrument", "side", "price", "size"]
)
def test_an_approval_is_for_one_request_alone(tmp_path: Path, of: int, change: int) -> None:
    """Neither another order nor the same one twice."""
    house = Writer(tmp_path).house
    session: Any = house.role.session
    other = list(ORDER)
    other[of] = change
    cleared(house)
    with pytest.raises(UnclearedError):
        session.place(*other, ID, house.now_ns)
    assert session.place(*ORDER, ID, house.now_ns)
    with pytest.raises(UnclearedError):
        session.place(*ORDER, ID, house.now_ns)


def test_an_approval_ends_with_its_step_and_with_the_next_check(tmp_path: Path) -> None:
    """What was right a step ago may exceed a limit now."""
    house = Writer(tmp_path).house
    session: Any = house.role.session
    cleared(house)
    with pytest.raises(UnclearedError):
        session.place(*ORDER, ID, house.now_ns + 1)
    cleared(house)
    assert isinstance(house.role.gate.check(house.now_ns, STRATEGY, 1, BUY, 1, 1_000, house.now_ns, 0), Refusal)
    with pytest.raises(UnclearedError):
        session.place(*ORDER, ID, house.now_ns)
    cleared(house)
    house.role.express.warm(house.now_ns)
    cleared(house)
    assert session.place(*ORDER, ID, house.now_ns)


def test_another_gates_approval_and_a_made_one_are_none(tmp_path: Path) -> None:
    """A clearance has no method that grants it, and belongs to the session that made it."""
    house, other = Writer(tmp_path / "a").house, Writer(tmp_path / "b").house
    session: Any = house.role.session
    cleared(other)
    with pytest.raises(UnclearedError):
        session.place(*ORDER, ID, other.now_ns)
    made = Clearance()
    with pytest.raises(AttributeError):
        made.granted = True  # type: ignore[attr-defined]
    with pytest.raises(UnclearedError):
        made.spend(1, BUY, 6_000_000, 1_000, house.now_ns)


def test_the_broker_is_given_orders_by_the_order_sender_alone() -> None:
    """The sender journals an order with risk's verdict before it leaves."""
    assert ways("broker", SENDING, "**/*.py") == {
        ("execution/venue/order_sender.py", "_send", "place"),
        ("execution/venue/order_sender.py", "_exchange", "replace"),
    }


def test_whatever_gives_the_order_sender_an_order_has_asked_risk_in_the_same_function() -> None:
    """Except the first child of a parent, whose one caller has."""
    found = {(file, function) for file, function, _ in ways("sender", PASSING, "**/*.py")}
    assert found == {
        ("execution/intents/desk.py", "_place"),
        ("execution/intents/desk.py", "_place_pending"),
        ("execution/intents/desk.py", "_replace"),
        ("execution/algorithms/children.py", "place"),
        ("execution/algorithms/children.py", "replace"),
        ("execution/algorithms/parents.py", "accept"),
    }
    assert ways("parents", {"accept"}, "**/*.py") == {("execution/intents/desk.py", "_place_parent", "accept")}
    first = ("execution/intents/desk.py", "_place_parent")
    for file, function in found - {("execution/algorithms/parents.py", "accept")} | {first}:
        [node] = [node for name, node in functions(ROOT / file) if name == function]
        assert any(method in CHECKS for _, method in calls(node)), f"{function} in {file} asks risk"


@pytest.mark.parametrize(
    ("of", "method", "check"), [("sender", "close", "check_closing"), ("broker", "amend", "check_amend")]
)
def test_a_flattening_and_a_smaller_size_have_their_own_ways_and_checks(of: str, method: str, check: str) -> None:
    """The two requests that the lists of entries and exits do not judge."""
    found = ways(of, {method}, "**/*.py")
    assert len(found) == (2 if method == "amend" else 1)  # of a strategy's order, of an algorithm's child
    for file, function, _ in found:
        [node] = [node for name, node in functions(ROOT / file) if name == function]
        assert any(called == check for _, called in calls(node)), f"{function} in {file} asks risk"


class Watch:
    """Notes what risk approves, and holds each request that leaves against it."""

    def __init__(self, role: Any) -> None:
        """Come between the parts of one life of execution."""
        self.approved: Counter[tuple[int, int, int, int]] = Counter()  # instrument, side, price, size
        self.sent = 0
        self._check, self._approves = role.gate.check, role.gate.approves
        self._place, self._replace = role.session.place, role.session.replace
        role.gate.check, role.gate.approves = self.check, self.approves
        role.session.place, role.session.replace = self.place, self.replace

    def check(self, now_ns: int, strategy: int, *order: Any, **more: Any) -> Any:
        """The gate's verdict; an order begins with instrument, side, price and size."""
        verdict = self._check(now_ns, strategy, *order, **more)
        if not isinstance(verdict, Refusal):
            self.approved[order[:4]] += 1
        return verdict

    def approves(self, now_ns: int, strategy: int, *order: Any) -> bool:
        """The compiled yes."""
        found = bool(self._approves(now_ns, strategy, *order))
        if found:
            self.approved[order[:4]] += 1
        return found

    def place(self, instrument: int, side: int, time_in_force: int, price: int, size: int, *more: Any) -> Any:
        """A request that leaves."""
        self._use(instrument, side, price, size)
        return self._place(instrument, side, time_in_force, price, size, *more)

    def replace(self, instrument: int, side: int, time_in_force: int, price: int, size: int, *more: Any) -> Any:
        """The same, in place of another order."""
        self._use(instrument, side, price, size)
        return self._replace(instrument, side, time_in_force, price, size, *more)

    def _use(self, *order: int) -> None:
        assert self.approved[order], f"{order} leaves, and risk has not approved it"  # type: ignore[index]
        self.approved[order] -= 1  # type: ignore[index]
        self.sent += 1


@pytest.mark.parametrize("count", [3_000, pytest.param(200_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_chance_finds_no_way_past_risk(tmp_path: Path, count: int) -> None:
    """Each approval lets one order of exactly this instrument, side, price and size leave, over deaths as well."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    random_, writer = random.Random(seed), Writer(tmp_path)
    house = writer.house
    watches = [Watch(house.role)]
    for number in range(count):
        sound = random_.random() < 0.5
        prices = random_.randrange(5_990_000, 6_010_001, 5)
        fields: dict[str, float] = {"side": random_.choice((BUY, SELL)), "price": prices} if sound else {}
        writer.write(**(chance(random_, house.now_ns) | fields))
        house.run(1, random_.choice((0, MS, 20 * MS)))
        if random_.random() < 0.05:
            open_orders = [one for one in house.venue.orders.values() if one.open]
            if open_orders:
                house.venue.fill(random_.choice(open_orders).client_id, random_.randrange(1, 600))
        if random_.random() < 0.03:
            house.book(bid=6_000_000 + 5 * random_.randrange(-40, 40))
        if random_.random() < 0.01:
            house.command(random_.choice((CommandKind.HALT, CommandKind.RESUME, CommandKind.RESUME)))
        if number % 500 == 499:
            house.kill()
            house.role = house.live()
            watches.append(Watch(house.role))
            house.command(CommandKind.RESUME)
            house.ready()
        if number % 100 == 0:
            house.book()
    verdicts = [row for row in house.ring("verdicts").rows if row.reason == Reason.APPROVED]
    assert sum(watch.sent for watch in watches) <= len(verdicts), "each has its record"
    assert sum(watch.sent for watch in watches) > count // 50, "chance must send orders, or it shows nothing"


def test_an_order_that_risk_did_not_approve_is_found(tmp_path: Path) -> None:
    """The watch of the test above can fail."""
    house = Writer(tmp_path).house
    Watch(house.role)
    with pytest.raises(AssertionError, match="risk has not approved it"):
        house.role.session.place(1, BUY, 1, 6_000_000, 1_000, b"x" * 16, house.now_ns)
