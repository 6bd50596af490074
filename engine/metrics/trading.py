"""The metrics of trading: books, sessions, halts, orders, positions and profit."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import Metric

from engine.metrics.families import counter, gauge
from engine.metrics.scene import Scene
from engine.model.monitored import LIMITS, exceeded
from engine.model.text import word
from engine.model.words import BookState, OrderState, SessionState

NS = 1e9


def metrics_of(scene: Scene) -> Iterator[Metric]:
    """The section."""
    yield from _books(scene)
    yield from _sessions(scene)
    yield from _orders(scene)
    yield from _positions(scene)
    yield from _monitored(scene)


def _books(scene: Scene) -> Iterator[Metric]:
    books = [
        ({"venue": scene.venue(number), "instrument": scene.symbol(number)}, row) for number, row in scene.books.items()
    ]
    yield gauge("book_good", "1 where the book equals the venue's and may be traded on.", [
        (labels, row.state == BookState.GOOD and scene.is_up(scene.feeds[row.instrument])) for labels, row in books
    ])  # fmt: skip
    yield gauge("book_state", "1 for the state that the book has.",
                [({**labels, "state": word(BookState, row.state).lower()}, 1) for labels, row in books])  # fmt: skip
    yield gauge("book_spread_bps", "Spread over the middle, in basis points; absent unless the book is good.",
                [(labels, row.spread_bps) for labels, row in books])  # fmt: skip
    yield gauge("book_imbalance_ratio", "(bid size - ask size) / both, over the published levels.",
                [(labels, row.imbalance) for labels, row in books])  # fmt: skip
    yield gauge("book_age_seconds", "Since the bytes of the book's last change were received.",
                [(labels, (scene.now_ns - row.receive_ns) / NS) for labels, row in books])  # fmt: skip


def _sessions(scene: Scene) -> Iterator[Metric]:
    sessions = [({"execution": role}, row) for role, row in scene.sessions.items()]
    yield gauge("session_ready", "1 where orders can leave on the execution's session at the venue.", [
        (labels, row.state == SessionState.READY and scene.is_up(labels["execution"])) for labels, row in sessions
    ])  # fmt: skip
    yield counter("session_attempts", "Connections that the present life of the execution has begun.",
                  [(labels, row.attempts) for labels, row in sessions])  # fmt: skip
    gates = [({"execution": role}, row) for role, row in scene.gates.items()]
    yield gauge("halted", "1 where the execution sends no order.", [(labels, row.halted) for labels, row in gates])
    yield gauge("exits_only", "1 where only orders that reduce a position are sent.",
                [(labels, bool(row.exits_only)) for labels, row in gates])  # fmt: skip
    yield gauge("ramp_ratio", "The share of every cap in dollars that is in force.",
                [(labels, row.ramp) for labels, row in gates])  # fmt: skip
    yield gauge("scopes_halted", "Accounts, strategies and instruments that are halted, by breakers or operators.",
                len(scene.halts))  # fmt: skip


def _orders(scene: Scene) -> Iterator[Metric]:
    figures = scene.figures
    open_now = Counter(figures.names.strategy(row.strategy) for row in figures.open_orders.values())
    names = {strategy.name for strategy in scene.config.strategies} | set(open_now)
    yield gauge("orders_open", "Orders that are open or in flight.",
                [({"strategy": name}, open_now[name]) for name in sorted(names)])  # fmt: skip
    unknown = sum(row.state == OrderState.UNKNOWN for row in figures.open_orders.values())
    yield gauge("orders_unknown", "Orders in flight whose answer was lost; execution asks the venue for them.", unknown)


def _positions(scene: Scene) -> Iterator[Metric]:
    names = scene.figures.names
    rows = [
        ({"account": names.account(row.account), "strategy": names.strategy(row.strategy),
          "venue": scene.venue(row.instrument), "instrument": scene.symbol(row.instrument)}, row)
        for row in scene.figures.cells("positions")
    ]  # fmt: skip
    yield gauge("position_size", "What is held, signed, in the base asset.",
                [(labels, row.size / 10**row.size_decimals) for labels, row in rows])  # fmt: skip
    for name, text in (
        ("net", "realised + unrealised - fees, since the journal's beginning"),
        ("net_day", "the same since this UTC day began"),
        ("realised", "realised profit"), ("unrealised", "unrealised profit"), ("fees", "fees"),
    ):  # fmt: skip
        samples = [(labels, getattr(row, name)) for labels, row in rows]
        yield gauge(f"profit_{name}_quote", f"In the quote asset: {text}.", samples)
    yield gauge("profit_net_usd", "Net profit in dollars: realised + unrealised - fees.",
                [(labels, row.net * row.usd_rate) for labels, row in rows])  # fmt: skip


def _monitored(scene: Scene) -> Iterator[Metric]:
    """What the monitor computes from the fills, for each account; no sample while a price is missing."""
    names = scene.figures.names
    rows = [({"account": names.account(row.account)}, row) for row in scene.figures.cells("monitored_account")]
    yield gauge("account_equity_usd", "The monitor's figure: the capital and the net profit, or the balances' worth.",
                [(labels, row.equity) for labels, row in rows])  # fmt: skip
    yield gauge("account_drawdown_ratio", "The monitor's figure: (highest equity - equity) / highest equity.",
                [(labels, row.drawdown) for labels, row in rows])  # fmt: skip
    yield gauge("account_differences", "Positions and balances that differ from the monitor's sums of the fills.",
                [(labels, row.differences) for labels, row in rows])  # fmt: skip
    yield gauge("account_limit_exceeded", "1 where the monitor's figure exceeds this limit of [risk].", [
        ({**labels, "limit": LIMITS[field]}, field in exceeded(row)) for labels, row in rows for field in LIMITS
    ])  # fmt: skip
    yield gauge("account_age_seconds", "Since the monitor last computed the account.",
                [(labels, (scene.now_ns - row.now_ns) / NS) for labels, row in rows])  # fmt: skip
