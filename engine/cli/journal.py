"""The journal on disk, read without any process: its contents, its fills, and how it is set aside.

Prices and sizes are shown with the decimals that the journal's own START records give.
"""

import argparse
import csv
import heapq
import operator
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import shm
from engine.cli import NOT_FOUND, WRONG_USE, CommandError
from engine.cli.output import choose_system, iso, local, print_json, print_line, print_table
from engine.cli.trees import Naming, side_word, tree_of
from engine.config import Paths
from engine.config.paths import account_of_journal, identity_beside, journals_beside
from engine.execution.build import ACCOUNT_NAMES, NAMES, hold, read_names
from engine.execution.journal.journal import fills_in, read_journal
from engine.execution.journal.journal_file import JournalVersionError, refuse_other_version, segments
from engine.execution.journal.terms import symbol_of
from engine.execution.orders import codec
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.rows import FillRow, OrderRow, ParentRow
from engine.model.text import shown
from engine.model.words import DONE_STATES, FillFlag, JournalKind
from engine.monitor.names import Names


@dataclass(frozen=True, slots=True)
class Terms:
    """An instrument's symbol and decimals, from the journal's TERMS record."""

    symbol: str
    price_decimals: int
    size_decimals: int
    venue: str = ""  # its name in the configuration at that time

    def instrument(self, number: int) -> Instrument:
        """An instrument of this id with what is known of it: names and decimals."""
        decimals = self.price_decimals, self.size_decimals
        return Instrument(number, self.venue, self.symbol, "", "", *decimals, 1, 1, 1, 0, 0)


UNKNOWN = Terms("?", 0, 0)


@dataclass(slots=True)
class Contents:
    """What a journal's records add up to."""

    terms: dict[int, Terms] = field(default_factory=dict)
    parents: dict[int, ParentRow] = field(default_factory=dict)  # by intent: each parent's newest record
    orders: dict[bytes, OrderRow] = field(default_factory=dict)  # each order's newest record
    held: Counter[int] = field(default_factory=Counter)  # bought less sold, in units of the terms
    fees: dict[tuple[int, str], Decimal] = field(default_factory=dict)  # by instrument and asset
    records: int = 0
    fills: int = 0
    last_ns: int = 0

    @property
    def open(self) -> list[OrderRow]:
        """The orders that are open, in flight or unknown."""
        return [row for row in self.orders.values() if row.state not in DONE_STATES]

    def naming(self, system: str, *directories: Path) -> Naming:
        """Symbols and decimals from the journals' terms, and the names that execution stores beside each journal."""
        known = {number: one.instrument(number) for number, one in self.terms.items()}
        return Naming(known, names_of(system, *directories))

    def holdings(self) -> dict[int, Decimal]:
        """The holding of each instrument, less the fees that the venue charged in its base asset."""
        found = {}
        for number, units in self.held.items():
            terms = self.terms.get(number, UNKNOWN)
            held = Decimal(units).scaleb(-terms.size_decimals)
            fees = [fee for (one, asset), fee in self.fees.items() if one == number and terms.symbol.startswith(asset)]
            if held := held - sum(fees, Decimal()):
                found[number] = held
        return found


def names_of(system: str, *directories: Path) -> Names:
    """The names in the system's file; for what was removed from the file, the names stored beside the journals."""
    names = Names.of(system) if system else Names()
    strategies, accounts = _stored(directories, NAMES), _stored(directories, ACCOUNT_NAMES)
    return replace(names, strategies=strategies | names.strategies, accounts=accounts | names.accounts)


def _stored(directories: Iterable[Path], kind: str) -> dict[int, str]:
    return {number: name for directory in directories for number, name in read_names(directory, kind).items()}


def read_terms(payload: bytes) -> tuple[int, Terms]:
    """A TERMS record's instrument and terms."""
    row = codec.TERMS.unpack(payload)
    venue = row.venue.rstrip(b"\0").decode()
    return row.instrument, Terms(symbol_of(row), row.price_decimals, row.size_decimals, venue)


def read_contents(*directories: Path) -> Contents:
    """Read whole journals, each of an account with instruments of its own, and add up their records."""
    found = Contents()
    for entry in chain.from_iterable(map(read_journal, directories)):
        found.records, found.last_ns = found.records + 1, entry.now_ns or found.last_ns
        if entry.kind == JournalKind.TERMS:
            number, terms = read_terms(entry.payload)
            found.terms[number] = terms
        elif entry.kind == JournalKind.ORDER:
            row = codec.ORDER.unpack(entry.payload)
            found.orders[row.client_id] = row
        elif entry.kind == JournalKind.PARENT:
            parent = codec.read_parent(entry.payload)
            found.parents[parent.intent_id] = parent
        for fill in fills_in(entry):
            _add_fill(found, fill)
    return found


def _add_fill(found: Contents, row: FillRow) -> None:
    found.fills += 1
    found.held[row.instrument] += row.side * row.size
    key = row.instrument, _asset(row)
    found.fees[key] = found.fees.get(key, Decimal()) + Decimal(row.fee).scaleb(-FEE_DECIMALS)


def _asset(row: FillRow) -> str:
    return str(row.fee_asset.rstrip(b"\0").decode(errors="replace"))


def journal(options: argparse.Namespace) -> int:
    """Show the journal of each account, or set one aside."""
    system, directories = find(options.system, options.directory)
    if options.set_aside:
        directory = _only(directories)
        return _set_aside(system, directory, read_contents(directory), options)
    trees = [_tree(system, directory, read_contents(directory)) for directory in directories]
    if options.json:
        print_json(options, *trees)
        return 0
    for number, tree in enumerate(trees):
        if number:
            print_line("")
        _print_tree(tree)
    return 0


def find(system: str, named: str) -> tuple[str, list[Path]]:
    """The system and the directories of its journals, one an account; no system is needed when a directory is given."""
    if named:
        first = Path(named).resolve()
        directories = [first]
    else:
        system = choose_system(system, stopped=True)
        first = Path(Names.of(system).journal or Paths.known(system).journal())
        directories = journals_beside(first)
    found = [directory for directory in directories if segments(directory)]
    if not found:
        raise CommandError(
            f"no journal in {first}; if the configuration sets another place, give it by --directory", NOT_FOUND
        )
    try:
        for directory in found:
            refuse_other_version(directory)
    except JournalVersionError as error:
        raise CommandError(str(error)) from error
    return system, found


def _only(directories: list[Path]) -> Path:
    """The one journal that is set aside: where there are several, the operator names it."""
    if len(directories) > 1:
        names = ", ".join(map(str, directories))
        raise CommandError(f"several accounts have a journal ({names}): give one by --directory", WRONG_USE)
    return directories[0]


def _tree(system: str, directory: Path, contents: Contents) -> dict[str, Any]:
    files = segments(directory)
    return {
        "system": system, "account": account_of_journal(directory), "directory": str(directory), "segments": len(files),
        "bytes": sum(path.stat().st_size for path in files), "records": contents.records, "fills": contents.fills,
        "last_record_ns": contents.last_ns, "last_record": iso(contents.last_ns),
        "instruments": [
            {"instrument": number, "symbol": one.symbol, "price_decimals": one.price_decimals,
             "size_decimals": one.size_decimals} for number, one in sorted(contents.terms.items())
        ],
        "open_orders": [
            tree_of(row, contents.naming(system, directory)) for row in contents.open
        ],
        "held": [
            {"instrument": number, "symbol": contents.terms.get(number, UNKNOWN).symbol, "size": format(held, "f")}
            for number, held in sorted(contents.holdings().items())
        ],
    }  # fmt: skip


def _print_tree(tree: dict[str, Any]) -> None:
    size = f"{tree['segments']} segments, {tree['bytes'] / 2**20:.1f} MiB"
    last = f"last record at {local(tree['last_record_ns'])}"
    place = f"account {tree['account']}, {tree['directory']}"
    print_line(f"{place}: {size}, {tree['records']:,} records, {tree['fills']:,} fills, {last}")
    _print_part(tree["instruments"], ("instrument", "symbol", "price_decimals", "size_decimals"))
    for name, columns in (("open_orders", ORDER_COLUMNS), ("held", ("symbol", "size"))):
        print_line(f"\n{name.replace('_', ' ')}: {len(tree[name]) or 'none'}")
        _print_part(tree[name], columns)


def _print_part(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        print_table(columns, [[one[column] for column in columns] for one in rows])


def _set_aside(system: str, directory: Path, contents: Contents, options: argparse.Namespace) -> int:
    """Rename the directory; refuse while an order is open or a position is held."""
    if system and shm.names(system):
        raise CommandError(
            f"{system} still has segments in shared memory, which hold the newest records: engine-ctl down first"
        )
    if contents.open:
        advice = "start the system once with its old configuration; it queries the venue and cancels them"
        raise CommandError(f"{len(contents.open)} orders are open or in doubt: {advice}")
    held = ", ".join(f"{size} {contents.terms.get(one, UNKNOWN).symbol}" for one, size in contents.holdings().items())
    if held and not options.force:
        advice = "close the position first; for dust, which no order can close, use --force WHY"
        raise CommandError(f"this journal holds {held}, which would be lost: {advice}")
    try:
        lock = hold(directory)
    except ValueError as error:
        raise CommandError(str(error)) from error
    with lock:
        aside = _rename(directory, options.force)
    if options.json:
        print_json(options, {"system": system, "set_aside": str(aside), "held": held})
    else:
        print_line(f"set aside as {aside}")
    return 0


def _rename(directory: Path, why: str) -> Path:
    """Rename the directory and move its account's uuid into it: with the old uuid, order ids would be used twice."""
    aside = directory.with_name(f"{directory.name}.aside-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}")
    directory.rename(aside)
    identity = identity_beside(directory)
    if identity.exists():
        identity.rename(aside / identity.name)
    if why:
        (aside / "why.txt").write_text(f"{why}\n")
    return aside


def fills(options: argparse.Namespace) -> int:
    """List every fill of the journal."""
    system, directories = find(options.system, options.directory)
    names = names_of(system, *directories)
    journals = [_fills(directory, names) for directory in directories]
    trees = list(heapq.merge(*journals, key=operator.itemgetter("time_ns")) if len(journals) > 1 else journals[0])
    trees = trees[len(trees) - options.n :] if options.n is not None and options.n < len(trees) else trees
    if options.json:
        print_json(options, *trees)
    elif options.csv:
        writer = csv.DictWriter(sys.stdout, FILL_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(trees)
    else:
        hidden = HIDDEN if len(journals) > 1 else (*HIDDEN, "account_name")
        shown = [name for name in FILL_COLUMNS if name not in hidden]
        print_table(shown, [[one[name] for name in shown] for one in trees], f"{len(trees)} fills")
    return 0


ORDER_COLUMNS = ("client_id", "strategy_name", "symbol", "side", "size", "filled", "price", "state")
FILL_COLUMNS = (
    "time", "time_ns", "strategy", "strategy_name", "instrument", "symbol", "venue", "side", "size", "price", "fee",
    "fee_asset", "liquidity", "venue_fill_id", "venue_order_id", "client_id", "intent_id", "account", "account_name",
)  # fmt: skip
HIDDEN = ("time_ns", "strategy", "instrument", "client_id", "intent_id", "venue_order_id", "account")


def _fills(directory: Path, names: Names) -> Iterator[dict[str, Any]]:
    terms: dict[int, Terms] = {}
    for entry in read_journal(directory):
        if entry.kind == JournalKind.TERMS:
            number, one = read_terms(entry.payload)
            terms[number] = one
        yield from (_fill(row, terms, names) for row in fills_in(entry))


def _liquidity(row: FillRow) -> str:
    """Whether a fill made or took liquidity at the venue, or came from another strategy of the account."""
    return "internal" if row.flags & FillFlag.INTERNAL else "maker" if row.maker else "taker"


def _fill(row: FillRow, terms: dict[int, Terms], names: Names) -> dict[str, Any]:
    one = terms.get(row.instrument, UNKNOWN)
    at_ns = row.venue_ns or row.receive_ns
    return {
        "time": iso(at_ns), "time_ns": at_ns, "strategy": row.strategy, "strategy_name": names.strategy(row.strategy),
        "instrument": row.instrument, "symbol": one.symbol, "venue": one.venue, "side": side_word(row.side),
        "size": to_text(row.size, one.size_decimals), "price": to_text(row.price, one.price_decimals),
        "fee": to_text(row.fee, FEE_DECIMALS), "fee_asset": _asset(row),
        "liquidity": _liquidity(row), "venue_fill_id": shown(row.venue_fill_id),
        "venue_order_id": shown(row.venue_order_id), "client_id": row.client_id.ljust(16, b"\0").hex(),
        "intent_id": row.intent_id, "account": row.account, "account_name": names.account(row.account),
    }  # fmt: skip
