"""The embedded Binance spot venue, as one object without a clock, a socket or randomness of its own.

    rest / request        ┐                       ┌ answers, and executionReports to the account's sessions
    session.receive       ┼─▶ wire ─▶ matching ─▶ ┼ trade, bookTicker and depth events to the market sessions
    step (flow, batches)  ┘                       └ the truth log

Every entry first does what was due before it: background orders, delayed requests and answers, depth batches, each at
its own time and in the order of their times. So the output depends only on the seed and on the times of the inputs, not
on how often `step` is called.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import IO, Protocol

import orjson

from engine.loopback.binance import render, render_lists, rest
from engine.loopback.binance.api_session import Answered, ApiSession
from engine.loopback.binance.desk import Call, Desk
from engine.loopback.binance.errors import ApiError, bad_key, mandatory, timeout
from engine.loopback.binance.faults import Fate, Faults
from engine.loopback.binance.keys import Key, KeyRing, Window, rest_payload
from engine.loopback.binance.limits import Limits
from engine.loopback.binance.listen_keys import ListenKeys
from engine.loopback.binance.operations import ROUTES, Operation, Security, operations
from engine.loopback.binance.parameters import Parameters
from engine.loopback.binance.pulse import Pulse
from engine.loopback.binance.queries import Queries
from engine.loopback.binance.session import Session
from engine.loopback.binance.settings import VenueSettings
from engine.loopback.binance.statistics import Statistics
from engine.loopback.binance.streams import INTERVALS, SLOW, Hub, MarketSession, Tape
from engine.loopback.flow import Flow
from engine.loopback.ledger import Ledger
from engine.loopback.market import DECIMALS, Market
from engine.loopback.matching import Matching
from engine.loopback.order_lists import ListEvent
from engine.loopback.orders import Execution, Happening, Print
from engine.loopback.truth import TruthLog
from engine.model.fixed import to_text

API_PATH = "/ws-api/v3"
NEVER_NS = 2**63 - 1
PAUSE_NS = 60_000_000_000


class Source(Protocol):
    """What happens at the venue without a request: background orders, or a real market's data."""

    next_ns: int  # when the next event is due

    def catch_up(self, now_ns: int) -> None:
        """Prepare for a step at this time."""

    def act(self) -> None:
        """Do the event that is due."""


class BinanceVenue:
    """The venue."""

    def __init__(
        self,
        settings: VenueSettings,
        now_ns: int,
        truth: IO[bytes] | None = None,
        gains: Mapping[tuple[str, str], int] | None = None,
        make_matching: Callable[[Sequence[Market], Ledger, int], Matching] = Matching,
    ) -> None:
        """Open for trading: fund the accounts and place the background flow's first ladder.

        `gains`: what the accounts gained at an earlier venue, by (account, asset).
        """
        self.settings, self.now_ns = settings, now_ns
        self.ledger = Ledger()
        self.matching = make_matching(settings.markets, self.ledger, settings.first_id)
        self.keys, self.limits = KeyRing(list(settings.keys)), Limits(settings.limits)
        self.desk = Desk(self.matching, self.limits)
        self.queries = Queries(self.desk)
        self.statistics, self.listen_keys = Statistics(self.queries), ListenKeys(settings.seed)
        self.table = operations(self.desk, self.queries, self.statistics, self.listen_keys)
        self.faults = Faults(settings.seed, settings.rates)
        self.truth = TruthLog(truth)
        self.sessions: dict[Session, None] = {}
        self.changed: dict[Session, None] = {}  # sessions with messages to send; a server clears it
        self._open_accounts(gains or {})
        self.flows: list[Source] = [Flow(self.matching, s, settings.seed, f, now_ns) for s, f in settings.flows.items()]
        self._hub = Hub()
        self._tapes = {m.symbol: Tape(self.matching, m, self._hub) for m in settings.markets}
        self._pulse = Pulse(self.statistics, self._hub)
        self._batch_ns = {kind: _next_multiple(now_ns, length) for kind, length in INTERVALS.items()}
        self._watchers: dict[str, dict[tuple[ApiSession, int], None]] = {}
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._later_count = 0
        self.matching.prints.clear()

    def step(self, now_ns: int) -> int:
        """Do everything that is due, each at its own time; how much it was."""
        count = 0
        self._catch_up(now_ns)
        while True:
            due_ns, act = self._next()
            if due_ns > now_ns:
                break
            self.now_ns = max(self.now_ns, due_ns)
            act()
            self._publish()
            count += 1
        self.now_ns = max(self.now_ns, now_ns)
        return count

    def connect(self, path: str, now_ns: int) -> Session:
        """Open a WebSocket connection; the path is the real host's, with its query."""
        self.step(now_ns)
        unit = render.MICROSECOND if "timeunit=microsecond" in path.lower() else render.MILLISECOND
        session: Session
        if path.partition("?")[0].rstrip("/") == API_PATH:
            session = ApiSession(path, unit, self.now_ns, self)
        elif path.startswith(("/ws", "/stream")):
            most = self.settings.limits.stream_messages_second
            session = MarketSession(path, unit, self.now_ns, self, hub=self._hub, messages_second=most)
        else:
            raise ValueError(f"no WebSocket at {path!r}, expected {API_PATH}, /ws… or /stream…")
        self.sessions[session] = None
        self._at(self.now_ns + self.settings.session_lifetime_ns, lambda: self.disconnect(session, "24 hours are over"))
        return session

    def receive(self, session: Session, message: str | bytes, now_ns: int) -> None:
        """Receive a text frame on a session."""
        self.step(now_ns)
        if not session.closed:
            session.read(message, self.now_ns)
            self._publish()

    def disconnect(self, which: Session | str, reason: str = "") -> None:
        """Close one session, or all of a kind: "streams", "api", "all"."""
        kinds = {"streams": (MarketSession,), "api": (ApiSession,), "all": (MarketSession, ApiSession)}
        chosen = [which] if isinstance(which, Session) else [s for s in self.sessions if isinstance(s, kinds[which])]
        for session in chosen:
            session.close(1001, reason)
            self.sessions.pop(session, None)

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> rest.Exchange:
        """Receive a REST request; its answer comes at once, or in a later step, or never (status 0)."""
        self.step(now_ns)
        exchange = rest.Exchange()
        unit = (
            render.MICROSECOND if _header(headers, "x-mbx-time-unit").upper() == "MICROSECOND" else render.MILLISECOND
        )
        name = ROUTES.get((method, target.partition("?")[0]))
        if name is None:
            exchange.answer = rest.not_found(target)
            return exchange
        operation, call = self.table[name], Call(Parameters({}), self.now_ns, unit)

        def reply(result: object, when_ns: int) -> None:
            limits = self.limits.headers(call.account, when_ns, orders=operation.orders)
            exchange.answer = rest.answer(result, limits, when_ns)

        def lost(_: bool) -> None:
            exchange.answer = rest.LOST

        try:
            window = self._authorise(operation, call, target, headers, body)
            self.submit(operation, call, window, Answered(reply, lost))
        except ApiError as error:
            reply(error, self.now_ns)
        self._publish()
        return exchange

    def rest(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> rest.Answer:
        """Receive a REST request and return its answer; the venue's time advances until the answer comes."""
        exchange = self.request(method, target, headers, body, now_ns)
        while exchange.answer is None:
            self.step(min((due_ns for due_ns, _, _ in self._later), default=self.now_ns + 1))
        return exchange.answer

    def deposit(self, account: str, asset: str, amount: int, now_ns: int) -> None:
        """Deposit money from outside; the account's sessions get a balanceUpdate."""
        self.step(now_ns)
        self.ledger.deposit(account, asset, amount)
        event: dict[str, object] = {"e": "balanceUpdate", "E": self.now_ns, "a": asset, "d": render.text(amount)}
        for unit, deliver in self._listening(account):
            stamp = self.now_ns // unit
            deliver(orjson.dumps({**event, "E": stamp, "T": stamp}))

    def submit(self, operation: Operation, call: Call, window: Window | None, answered: Answered) -> None:
        """Carry an authorised request to the matching engine and its answer back, with the faults of its fate."""
        fate = self.faults.request(operation.name)
        if fate.lose_request:
            answered.lost(fate.disconnect)
            return
        delay_ns = fate.request_delay_ns + (self.settings.request_delay_ns if operation.checked_twice else 0)
        if not delay_ns:
            self._execute(operation, call, None, answered, fate)
            return
        again = window if operation.checked_twice else None
        self._at(self.now_ns + delay_ns, lambda: self._execute(operation, call, again, answered, fate))

    def subscribe(self, account: str, session: ApiSession, number: int) -> None:
        """Send an account's events to a session."""
        self._watchers.setdefault(account, {})[session, number] = None

    def unsubscribe(self, session: ApiSession, number: int) -> None:
        """End a subscription."""
        for watchers in self._watchers.values():
            watchers.pop((session, number), None)

    def subscription_count(self, account: str) -> int:
        """How many subscriptions get this account's events."""
        return len(self._watchers.get(account, ()))

    def check(self) -> None:
        """Check the books against the money."""
        self.matching.check()

    def set_keys(self, keys: tuple[Key, ...]) -> None:
        """From here on these keys are valid and no other; a session that is logged on with another is rejected."""
        for key in keys:
            self.ledger.open(key.account)
        self.keys = KeyRing(list(keys))

    def _open_accounts(self, gains: Mapping[tuple[str, str], int]) -> None:
        """Open the accounts of the keys and of the settings, fund them, and restore their gains."""
        for key in self.settings.keys:
            self.ledger.open(key.account)
        for name, purse in self.settings.accounts.items():
            self.ledger.open(name)
            for asset, amount in purse.items():
                self.ledger.deposit(name, asset, amount)
        for name, burn in self.settings.burns.items():
            self.ledger.open(name).burn = burn
        for (name, asset), gained in gains.items():
            self.ledger.restore(name, asset, gained)
            if self.ledger.accounts[name].free[asset] < 0:
                have, text = to_text(self.ledger.accounts[name].deposited[asset], DECIMALS), to_text(gained, DECIMALS)
                raise ValueError(
                    f"account {name} starts with {have} {asset} by its configuration and gained {text} by the truth"
                    f" log: give it at least as much as it spent, or move the log away"
                )

    def _catch_up(self, now_ns: int) -> None:
        """After a long pause, skip the oldest work that is due, so that no step is endless."""
        for flow in self.flows:
            flow.catch_up(now_ns)
        for kind, length in INTERVALS.items():
            if self._batch_ns[kind] < now_ns - PAUSE_NS:
                self._batch_ns[kind] = now_ns // length * length

    def _next(self) -> tuple[int, Callable[[], None]]:
        """When the next event is due, and what does it."""
        due_ns, act = (self._later[0][0], self._run_later) if self._later else (NEVER_NS, self._run_later)
        for flow in self.flows:
            if flow.next_ns < due_ns:
                due_ns, act = flow.next_ns, flow.act
        for kind, batch_ns in self._batch_ns.items():
            if batch_ns < due_ns:
                due_ns, act = batch_ns, partial(self._batch, kind)
        return due_ns, act

    def _at(self, due_ns: int, act: Callable[[], None]) -> None:
        """Do something later; events due at the same time keep the order of these calls."""
        self._later_count += 1
        heapq.heappush(self._later, (due_ns, self._later_count, act))

    def _run_later(self) -> None:
        """Do the earliest delayed event."""
        heapq.heappop(self._later)[2]()

    def _batch(self, kind: str) -> None:
        """Publish the depth diffs of one interval."""
        due_ns, length = self._batch_ns[kind], INTERVALS[kind]
        self._batch_ns[kind] = due_ns + length
        for tape in self._tapes.values():
            if tape.pending(kind):
                tape.batch(kind, due_ns, dropped=self.faults.depth_dropped())
        if kind == SLOW:
            self._pulse.beat(due_ns)

    def _authorise(
        self, operation: Operation, call: Call, target: str, headers: dict[str, str], body: bytes
    ) -> Window | None:
        """Read a REST request, charge its weight and check its signature."""
        _, query, text, values = rest.read(target, body)
        call.parameters = Parameters(values)
        self.limits.charge(operation.cost(call), self.now_ns)
        if operation.security is Security.NONE:
            call.parameters.check(operation.allowed)
            return None
        name = _header(headers, "x-mbx-apikey")
        found = self.keys.find(name)
        if operation.security is Security.KEY:
            call.account = found.account
            return None
        if not values.get("timestamp"):
            raise mandatory("timestamp")
        window = Window.read(values["timestamp"], values.get("recvWindow", ""))
        window.check(self.now_ns)
        key = self.keys.verify(name, rest_payload(query, text), values.get("signature", ""))
        if operation.security is Security.TRADE and not key.may_trade:
            raise bad_key()
        call.account, call.key = key.account, key
        call.parameters.check(operation.allowed)
        return window

    def _execute(self, operation: Operation, call: Call, again: Window | None, answered: Answered, fate: Fate) -> None:
        """Run a request and send the answer; `again` is the recvWindow to check again after the modelled delay."""
        call.now_ns = self.now_ns
        result: object
        try:
            if again is not None:
                again.check(self.now_ns)
            if fate.time_out and not fate.executed:
                raise timeout()
            result = operation.run(call)
            if fate.time_out:
                raise timeout()
        except ApiError as error:
            result = error
        if fate.lose_response:
            answered.lost(fate.disconnect)
            return
        delay_ns = fate.response_delay_ns + (self.settings.response_delay_ns if operation.checked_twice else 0)
        if delay_ns:
            self._at(self.now_ns + delay_ns, lambda: answered.reply(result, self.now_ns))
        else:
            answered.reply(result, self.now_ns)

    def _publish(self) -> None:
        """Publish the matching engine's events since the last call."""
        matching = self.matching
        if matching.prints:
            self._print(matching.prints)
            matching.prints.clear()
        for tape in self._tapes.values():
            tape.gather()
        if matching.executions:
            executions, matching.executions = matching.executions, []
            self._report(executions)
        if self.settings.check:
            self.check()

    def _print(self, prints: list[Print]) -> None:
        """Add new trades to their markets' past, and publish them one by one and aggregated by taker."""
        last_ids = {symbol: history.last_aggregate for symbol, history in self.queries.histories.items()}
        for one in prints:
            self.queries.histories[one.symbol].add(one)
            self._tapes[one.symbol].print(one)
        for symbol, last_id in last_ids.items():
            for aggregate in self.queries.histories[symbol].new_since(last_id):
                self._tapes[symbol].aggregate(aggregate)

    def _report(self, executions: list[Execution | ListEvent]) -> None:
        """Write the truth log, then send the events to the accounts."""
        touched: dict[str, dict[str, None]] = {}
        for execution in executions:
            if isinstance(execution, ListEvent):
                self._send(execution.account, partial(render_lists.list_status, execution, self.now_ns))
                continue
            order = execution.order
            self.truth.write(execution, self.ledger.accounts[order.account])
            if execution.happening == Happening.TRADE and execution.fill and execution.filled == execution.fill.size:
                self.limits.order_filled(order.account, self.now_ns)
            fee_asset = (execution.fill.fee_asset,) if execution.fill else ()
            assets = dict.fromkeys((order.market.base, order.market.quote, *fee_asset))
            touched.setdefault(order.account, {}).update(assets)
            self._send(order.account, partial(render.execution_report, execution, self.now_ns), faulty=True)
        self.truth.flush()
        if self.truth.full:
            self._renew_truth()
        for name, assets in touched.items():
            self._send(name, partial(render.account_position, self.ledger.accounts[name], list(assets), self.now_ns))

    def _renew_truth(self) -> None:
        """Continue the truth log in a new file, with everything that a venue needs to start again."""
        accounts = {name: one for name, one in self.ledger.accounts.items() if one.watched}
        orders = (order for orders in self.matching.open.values() for order in list(orders.values()))
        states = (
            (Execution(Happening.NEW, one, one.status, one.filled, one.spent, one.update_ns, 0), accounts[one.account])
            for one in orders
            if one.account in accounts
        )
        self.truth.renew(accounts.values(), states)

    def _send(self, account: str, event: Callable[[int], dict[str, object]], *, faulty: bool = False) -> None:
        """Send an event to the account's sessions; an execution report may be doubled, late or lost."""
        payloads: dict[int, bytes] = {}
        for unit, deliver in self._listening(account):
            if unit not in payloads:
                payloads[unit] = orjson.dumps(event(unit))
            for delay_ns in self.faults.report() if faulty else (0,):
                if delay_ns:
                    self._at(self.now_ns + delay_ns, partial(deliver, payloads[unit]))
                else:
                    deliver(payloads[unit])

    def _listening(self, account: str) -> list[tuple[int, Callable[[bytes], None]]]:
        """The receivers of an account's events, by subscription and by listen key, each with its unit of time."""
        found: list[tuple[int, Callable[[bytes], None]]] = [
            (session.unit, partial(session.event, number)) for session, number in self._watchers.get(account, ())
        ]
        for key in self.listen_keys.of(account, self.now_ns):
            found += [(session.unit, partial(session.deliver, key)) for session in self._hub.listeners(key)]
        return found


def _header(headers: dict[str, str], name: str) -> str:
    """A header by its name in lower case."""
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _next_multiple(now_ns: int, length: int) -> int:
    """The next multiple of an interval."""
    return (now_ns // length + 1) * length
