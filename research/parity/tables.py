"""A comparison as tables for people."""

from collections.abc import Iterator

from engine.cli.output import iso, plain, print_line, print_table
from research.parity.decisions import Decisions, Difference
from research.parity.session import Parity
from research.parity.simulated import money
from research.parity.simulated.pair import PARTS, Answers
from research.parity.trees import answers_tree, pair_tree

MS = 1_000_000
DECISIONS = (
    "strategy", "decisions", "verdict", "identical", "different", "only replayed", "cut off", "after", "lost", "lives",
    "steps",
)  # fmt: skip
ANSWERS = {
    "orders": "orders", "matched": "matched", "filled_in_both": "filled in both",
    "filled_only_in_session": "only in session", "filled_only_simulated": "only simulated",
    "filled_in_neither": "in neither",
}  # fmt: skip
SHOWN = ("kind", "instrument", "side", "price", "size")  # of a decision, beside the fields that differ


def print_report(found: Parity, *, orders: bool = False) -> None:
    """Print the comparison."""
    first, last = iso(found.session.first_ns), iso(found.session.last_ns)
    print_line(f"session of {found.system} ({found.mode}), {first} to {last}, from {found.source}")
    print_line()
    rows = [
        (
            one.strategy, one.intents, one.verdict.upper(), f"{one.identical}/{one.compared}", one.different, one.extra,
            one.cut_off, one.after, one.lost, one.lives, one.steps,
        )
        for one in found.decisions
    ]  # fmt: skip
    print_table(DECISIONS, rows, "decisions, made again from the recorded inputs and answers")
    for one in found.decisions:
        for line in _remarks(one):
            print_line(line)
    _print_answers(found.answers, orders=orders)


def _remarks(one: Decisions) -> Iterator[str]:
    """What a reader has to know beside the counts."""
    for what in one.changed:
        yield f"{one.strategy}: {what} of today differ from those of the session"
    for text in one.missing:
        yield f"{one.strategy}: the recording lacks {text}"
    for difference in one.differences:
        yield from _difference_lines(one.strategy, difference)


def _difference_lines(strategy: str, one: Difference) -> Iterator[str]:
    """The first difference of a life."""
    yield f"{strategy}: life {one.life}, step {one.step} at {iso(one.at_ns)}: {one.what}"
    for name in ("recorded", "replayed"):
        row = getattr(one, name)
        if row is not None:
            shown = dict.fromkeys((*(name for name in SHOWN if name in row._fields), *(one.fields or row._fields)))
            yield f"  {name}: " + ", ".join(f"{field} {plain(getattr(row, field))}" for field in shown)
        elif one.recorded is not None or one.replayed is not None:
            yield f"  {name}: no decision"
    yield "  the step had read up to: " + ", ".join(f"{lane} {cursor}" for lane, cursor in one.cursors.items())
    if one.stack:
        yield from (f"  {line}" for line in one.stack.rstrip().splitlines())


def _print_answers(found: tuple[Answers, ...], *, orders: bool) -> None:
    """The simulated answers of every strategy."""
    trees = [answers_tree(one, orders=False) for one in found]
    rows = [
        (tree["strategy"], *(tree[name] for name in ANSWERS), _bps(tree["price_bps"]), _ms(tree["later_ns"]))
        for tree in trees
    ]
    print_line()
    title = "the same orders with simulated answers"
    print_table(("strategy", *ANSWERS.values(), "price bps", "later ms"), rows, title)
    for one in found:
        for line in _assumptions(one):
            print_line(line)
        if orders:
            _print_orders(one)
    _print_money(found)


def _print_money(found: tuple[Answers, ...]) -> None:
    """What the orders earned, and the parts of the difference."""
    rows = [
        (one.strategy, quote, *(money.text(sums[name]) for name in ("recorded", *PARTS, "simulated")))
        for one in found
        for quote, sums in one.money().items()
    ]
    print_line()
    title = "what these orders earned, at the last middle: session + each part = simulated"
    print_table(("strategy", "currency", "session", *PARTS, "simulated"), rows, title)


def _assumptions(one: Answers) -> Iterator[str]:
    """What the simulation assumed, and what it could not do."""
    for reason, count in one.left_out.most_common():
        yield f"{one.strategy}: {count} orders are left out: {reason}"
    if one.fees is not None:
        fees = f"fees: maker {one.fees.maker}, taker {one.fees.taker}"
        measured = f"the session's median is {one.measured_ns} ns"
        yield f"{one.strategy}: order latency: {one.latency} ({measured}); queue: {one.queue}; {fees}"
    if one.stages:
        stages = ", ".join(f"{name} {spread.p50_ns / 1e6:.3f}" for name, spread in one.stages.items())
        yield f"{one.strategy}: measured medians in ms: {stages}"
    for note in one.notes:
        yield f"{one.strategy}: {note}"


def _print_orders(one: Answers) -> None:
    """Every order."""
    columns = ("intent", "symbol", "side", "size", "price", "session", "simulated", "price bps", "later ms", *PARTS)
    rows = [
        (
            row["intent_id"], row["symbol"], "buy" if row["side"] > 0 else "sell", row["size"], row["price"],
            row["session"]["filled"], row["simulated"]["filled"], _bps(row["price_bps"]), _ms(row["later_ns"]),
            *(row["profit"][name] for name in PARTS),
        )
        for row in map(pair_tree, one.pairs)
    ]  # fmt: skip
    print_table(columns, rows)


def _bps(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def _ms(value: int | None) -> str:
    return "-" if value is None else f"{value / MS:+.3f}"
