"""A strategy beside a router: the router is one more place that answers intents, and has no fills of its own."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from engine.lanes import EXECUTION, FEED, LOOKERS, ROUTER, STRATEGY, Owners
from engine.lanes.memory import MemoryRing, MemorySystem
from engine.model.codec import Codec
from engine.model.intent_id import routed_id
from engine.model.records import BOOK_TOP, FILL, ORDER, VERDICT
from engine.model.words import BUY, BookState, IntentKind, OrderState, Reason
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.lanes import OF_ROUTER, StrategyLanes, open_strategy_lanes
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, Recorder, begin

OWNERS = Owners((NAME,), (NAME,), ("feed",), ("main", "side"), (ROUTER,))
PLACES = {1: 0, 2: 1}
CODECS = {"orders": Codec(ORDER), "verdicts": Codec(VERDICT), "fills": Codec(FILL), "books": Codec(BOOK_TOP)}
Act = Callable[[Recorder], Any]


class Router(Recorder):
    """Routes an order at each book; cancels it at every third."""

    def on_book(self, book: Any) -> None:
        """Route, or cancel."""
        self.calls.append(("book", book.instrument.id, book.best_bid, book.best_ask))
        if not book.best_bid % 3:
            self.cancel_all(BTC)
        else:
            self.place(BTC, BUY, 10, book.best_ask, algorithm="route")


class World:
    """The lanes of a system with a router, in memory, and what the other roles would write."""

    def __init__(self, kind: type[Recorder] = Recorder) -> None:
        """Begin with the strategy's first life."""
        self.memory = MemorySystem(OWNERS, make_ring=partial(MemoryRing, keep_all=True))
        self.kind = kind
        self.live()

    def live(self) -> None:
        """A life of the strategy."""
        self.strategy = self.kind((BTC, ETH), Strategy.Parameters())
        self.role = self.make(open_strategy_lanes(self.memory.open_lanes(STRATEGY, NAME), 0))
        begin(self.role)

    def make(self, lanes: StrategyLanes) -> StrategyRole:
        """The role on these lanes."""
        strategy = self.strategy if lanes.parameters is not None else self.kind((BTC, ETH), Strategy.Parameters())
        return StrategyRole(NAME, NUMBER, strategy, lanes, routes=PLACES)

    def submitted(self, to: str) -> list[Any]:
        """The intents on a lane: to an execution, or to the router."""
        lane = OF_ROUTER["intents"] if to == ROUTER else "intents"
        return self.records(f"{lane}.{NAME}.{to}")

    def records(self, name: str) -> list[Any]:
        """Every record of a lane."""
        reader = self.memory.open_lanes(LOOKERS).ring_reader(*name.split(".", 1))
        reader.cursor = 0
        return list(iter(reader.read, None))

    def write(self, kind: str, of: str, /, **fields: Any) -> None:
        """A record of the router or of an execution; the other fields are 0."""
        codec = CODECS[kind]
        row = codec.unpack(bytes(codec.record.size))._replace(strategy=NUMBER, instrument=1, **fields)
        role, lane = (ROUTER, OF_ROUTER[kind]) if of == ROUTER else (EXECUTION, kind)
        self.memory.open_lanes(role, of).ring_writer(lane).publish_bytes(codec.pack_row(row))

    def book(self, bid: int) -> None:
        """A good book."""
        codec, zeros = CODECS["books"], (0,) * 9
        row = codec.unpack(bytes(BOOK_TOP.size))._replace(
            instrument=1, state=BookState.GOOD, bids=1, asks=1, bid_price=(bid, *zeros), ask_price=(bid + 1, *zeros),
            bid_size=(5, *zeros), ask_size=(5, *zeros),
        )  # fmt: skip
        self.memory.open_lanes(FEED).ring_writer("books").publish_bytes(codec.pack_row(row))

    def step(self, now_ns: int = 2_000) -> None:
        """Step the strategy."""
        self.role.step(now_ns)


@pytest.fixture
def world() -> World:
    """A running one."""
    return World()


def test_a_routed_intent_and_its_cancel_go_to_the_router(world: World) -> None:
    """A cancel at the account's execution would find nothing there, and the parent would go on."""
    plain = world.strategy.place(BTC, BUY, 10, 99)
    routed = world.strategy.place(BTC, BUY, 10, 99, algorithm="route")
    world.strategy.cancel(routed)
    assert [row.intent_id for row in world.submitted("main")] == [plain]
    first, second = world.submitted(ROUTER)
    assert (first.intent_id, second.kind, second.target_id) == (routed, IntentKind.CANCEL, routed)


@pytest.mark.parametrize("ending", [lambda s: s.cancel_all(ETH), lambda s: s.close(ETH)], ids=["cancel_all", "close"])
def test_what_ends_every_order_of_an_instrument_reaches_the_router_too(world: World, ending: Act) -> None:
    """The parent's next child would come after the order that was to be the last."""
    ending(world.strategy)
    (at_router,) = world.submitted(ROUTER)
    assert (at_router.kind, at_router.instrument) == (IntentKind.CANCEL_ALL, 2)
    (at_execution,) = world.submitted("side")
    assert at_execution.intent_id > at_router.intent_id, "each intent has an id of its own"


def test_a_strategy_sees_its_intent_as_one_order_and_the_fills_of_every_account(world: World) -> None:
    """The children beside their parent would count twice in what is still to come."""
    intent = world.strategy.place(BTC, BUY, 10, 99, algorithm="route")
    world.step()
    world.write("orders", ROUTER, intent_id=intent, size=10, state=OrderState.OPEN, side=BUY, price=99)
    child = routed_id(NUMBER, 1)
    world.write("orders", "main", intent_id=child, size=4, state=OrderState.OPEN, side=BUY, price=99)
    world.write("fills", "main", intent_id=child, size=4, side=BUY, venue_fill_id=b"1", fee_asset=b"")
    world.write("verdicts", "side", intent_id=routed_id(NUMBER, 2), reason=Reason.ORDER_RATE, kind=IntentKind.PLACE)
    world.step(2_001)
    assert [order.intent_id for order in world.strategy.orders(BTC)] == [intent]
    assert world.strategy.position(BTC) == 4
    assert not [call for call in world.strategy.calls if call[0] == "refusal"]
    world.write("orders", ROUTER, intent_id=intent, size=10, filled=4, state=OrderState.EXPIRED, side=BUY, price=99)
    world.step(2_002)
    assert not world.strategy.orders(BTC)


def test_the_next_life_of_a_strategy_still_cancels_at_the_router(world: World) -> None:
    """A strategy that was killed must be able to end what it has begun."""
    intent = world.strategy.place(BTC, BUY, 10, 99, algorithm="route")
    world.write("orders", ROUTER, intent_id=intent, size=10, state=OrderState.OPEN, side=BUY, price=99)
    world.live()
    assert [order.intent_id for order in world.strategy.orders(BTC)] == [intent]
    world.strategy.cancel(intent)
    assert world.submitted(ROUTER)[-1].target_id == intent


def test_a_life_beside_a_router_is_replayed_to_the_byte() -> None:
    """What the router answers is an input as any other: without its cursors no decision could be repeated."""
    world = World(Router)
    for count in range(1, 30):
        world.book(100 + count)
        if sent := world.submitted(ROUTER):
            world.write("orders", ROUTER, intent_id=sent[-1].intent_id, size=10, filled=count % 10, side=BUY,
                        state=OrderState.PARTLY_FILLED)  # fmt: skip
        world.step(2_000 + count)
    names = [f"{kind}.{of}" for kind in ("verdicts", "orders", "fills") for of in ("main", "side")]
    names += ["route_verdicts.router", "route_orders.router", "ticks.feed", "books.feed", "commands"]
    history = {name: world.records(name) for name in names}
    history |= {f"intents.{of}": world.submitted(of) for of in ("main", "side")} | {
        "routes.router": world.submitted(ROUTER)
    }
    steps = world.records(f"steps.{NAME}")
    assert len(history["routes.router"]) > 20
    assert differences(replay(world.make, history, steps, OWNERS), history, steps, OWNERS) == []
