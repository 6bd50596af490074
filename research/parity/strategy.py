"""What a strategy of a recorded session was made of: its class, parameters, instruments and lanes.

The class is that of today, found beside the session's configuration: whether it is still the recorded one, a replay
finds by the hash in each STEP.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.lanes.owners import Owners
from engine.model.group import Group, make_groups
from engine.model.instrument import Instrument
from engine.recorder.described import DescribedStrategy
from engine.strategy.api.strategy import checked_parameters, reads_of
from engine.strategy.load import strategy_class
from engine.strategy.replay import History
from engine.strategy.role.lanes import AGGREGATES, OF_ROUTER, OWN, StrategyLanes, places
from engine.strategy.role.role import StrategyRole
from research.parity.decisions import Decisions, Recorded, Replayer
from research.parity.recorded.recording import ParityError
from research.parity.recorded.system import RecordedSystem
from research.parity.simulated.answers import Answering
from research.parity.simulated.market import Lanes, Market
from research.parity.simulated.models import ParityModels
from research.parity.simulated.orders import RecordedOrder, mark_left_out, orders_of
from research.parity.simulated.pair import Answers

MS = 1_000_000


class RecordedStrategy:
    """One strategy of a session."""

    def __init__(self, system: RecordedSystem, table: DescribedStrategy) -> None:
        """Load its class; ParityError when that is not possible."""
        self.system, self.table = system, table
        try:
            self.kind = strategy_class(table.class_path, Path(system.described.path).parent)
            checked_parameters(self.kind, table.parameters)
        except Exception as error:  # a module may raise anything
            where = f"strategy {table.name}: its class {table.class_path} cannot be loaded"
            raise ParityError(f"{where}: {type(error).__name__}: {error}") from error

    def replay(self) -> Decisions:
        """Make every decision again."""
        steps = self.system.lane(f"steps.{self.table.name}")
        return Replayer(Recorded(self.table.name, steps, *self._history()), self._role).run()

    def answers(self, models: ParityModels) -> Answers:
        """Send its orders to a simulated venue."""
        session, number = self.system.session, self.table.id
        known = self.system.instruments(session.last_ns)
        orders = orders_of(self._own_rows("orders"), self._own_rows("fills"), number)
        mark_left_out(orders, self._algorithms(), known, session.first_ns)
        of_instrument: dict[int, list[RecordedOrder]] = {}
        for order in orders:
            if not order.left_out:
                of_instrument.setdefault(order.first.instrument, []).append(order)
        answering = Answering(self.table.name, orders, models, self.system.recording.place)
        trades = ((known[one.first.instrument], one.first.side, row) for one in orders for row in one.fills)
        answering.choose_fees(trades)
        for instrument, of_it in of_instrument.items():
            answering.add(known[instrument], of_it, self._market(known[instrument]))
        return answering.found

    def _market(self, one: Instrument) -> Market:
        """The market data of an instrument: of the feed that has it."""
        described = self.system.described
        lanes = [Lanes(*(self.system.lane(f"{kind}.{feed}") for kind in Lanes._fields)) for feed in described.feeds]
        found = [Market(one.id, of_feed, holds_ours=one.venue not in described.apart) for of_feed in lanes]
        return next((market for market in found if market.is_recorded), found[0])

    def _own_rows(self, kind: str) -> Iterator[Any]:
        """The strategy's rows of a lane of every execution, in the order of the lane."""
        for of in self._owners.executions:
            lane = self.system.lane(f"{kind}.{of}")
            for place in np.flatnonzero(lane.rows["strategy"] == self.table.id).tolist():
                yield lane.row(lane.first + place)

    def _algorithms(self) -> set[int]:
        """The intents that an execution algorithm works."""
        lanes = [self.system.lane(f"{OWN}.{self.table.name}.{of}") for of in self._owners.executions]
        return {number for one in lanes for number in one.rows["intent_id"][one.rows["algorithm"] > 0].tolist()}

    def _history(self) -> tuple[History, dict[int, str]]:
        """The lanes that it read and wrote, and their names by their places in a STEP."""
        owners = self._owners
        named = places(owners.feeds, owners.executions, owners.routers)
        unread = set(AGGREGATES) - set(reads_of(self.kind))
        rings: dict[str, Any] = {}
        for kind, of in named:
            if kind not in unread:
                inside, full = self._names(kind, of)
                rings[inside] = self.system.lane(full)
        return History(rings, owners), {place: self._names(*one)[1] for one, place in named.items()}

    def _names(self, kind: str, of: str) -> tuple[str, str]:
        """The name of a lane among those of this strategy, and in the system."""
        is_own, kind = kind == OWN, OF_ROUTER[kind] if of in self._owners.routers else kind
        inside = f"{kind}.{of}" if of else kind
        return inside, f"{kind}.{self.table.name}.{of}" if is_own else inside

    @property
    def _owners(self) -> Owners:
        one = self.system.described
        return Owners((self.table.name,), (), one.feeds, one.executions, one.routers)

    def _role(self, lanes: StrategyLanes, now_ns: int) -> StrategyRole:
        """The role as it was made at a time."""
        table, described = self.table, self.system.described
        instruments = tuple(self.system.expect_instruments(table.instruments, now_ns))
        strategy = self.kind(instruments, checked_parameters(self.kind, table.parameters))
        groups: tuple[Group, ...] = ()
        if reads_of(self.kind) and described.groups is not None:
            groups = make_groups(self.system.expect_instruments(described.instruments, now_ns), described.groups)
        cadence_ns = table.cadence_ms * MS
        return StrategyRole(
            table.name, table.id, strategy, lanes, groups=groups, routes=described.routes, cadence_ns=cadence_ns
        )
