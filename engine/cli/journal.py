"""The journal on disk, read without any process: what it holds, its fills, and how it is put away.

Prices and sizes are read in the terms that the journal itself has for its instruments.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import shm
from engine.cli import NOBODY, Complaint
from engine.cli.output import choose_system, iso, local, say, say_json, say_table
from engine.cli.trees import Naming, side_word, tree_of
from engine.config import Paths
from engine.execution.build import hold, read_names
from engine.execution.journal.journal import read_journal
from engine.execution.journal.journal_file import segments
from engine.execution.orders import codec
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.words import DONE_STATES, JournalKind
from engine.monitor.names import Names


@dataclass(frozen=True, slots=True)
class Terms:
    """What an instrument's numbers mean, by the journal's own START record."""

    symbol: str
    price_decimals: int
    size_decimals: int
    venue: str = ""  # as the configuration named it then


UNKNOWN = Terms("?", 0, 0)


@dataclass(slots=True)
class Contents:
    """What a journal says, folded."""

    terms: dict[int, Terms] = field(default_factory=dict)
    orders: dict[bytes, Any] = field(default_factory=dict)  # each one's newest record
    held: Counter[int] = field(default_factory=Counter)  # bought less sold, in units of the terms
    fees: dict[tuple[int, str], Decimal] = field(default_factory=dict)  # by instrument and asset
    records: int = 0
    fills: int = 0
    last_ns: int = 0

    @property
    def open(self) -> list[Any]:
        """The orders that are open, in flight or of unknown fate."""
        return [row for row in self.orders.values() if row.state not in DONE_STATES]

    def naming(self, system: str, directory: Path) -> Naming:
        """What the numbers mean: by the journal's own terms, and by the names that execution keeps beside it."""
        known = {
            number: Instrument(number, "", one.symbol, "", "", one.price_decimals, one.size_decimals, 1, 1, 1, 0, 0)
            for number, one in self.terms.items()
        }
        return Naming(known, names_of(system, directory))

    def holdings(self) -> dict[int, Decimal]:
        """What is held of each instrument, less the fees that the venue took in it."""
        found = {}
        for number, units in self.held.items():
            terms = self.terms.get(number, UNKNOWN)
            held = Decimal(units).scaleb(-terms.size_decimals)
            taken = [fee for (one, asset), fee in self.fees.items() if one == number and terms.symbol.startswith(asset)]
            if held := held - sum(taken, Decimal()):
                found[number] = held
        return found


def names_of(system: str, directory: Path) -> Names:
    """The names that the system's file gives, and for what it no longer names, those kept beside the journal."""
    names = Names.of(system) if system else Names()
    return replace(names, strategies=read_names(directory) | names.strategies)


def read_terms(payload: bytes) -> tuple[int, Terms]:
    """A START record's instrument and terms."""
    number, symbol, price_decimals, size_decimals, *venue = payload.decode().split()
    return int(number), Terms(symbol, int(price_decimals), int(size_decimals), *venue)


def fold(directory: Path) -> Contents:
    """Read a journal through."""
    found = Contents()
    for entry in read_journal(directory):
        found.records, found.last_ns = found.records + 1, entry.now_ns or found.last_ns
        if entry.kind == JournalKind.START and entry.payload:
            number, terms = read_terms(entry.payload)
            found.terms[number] = terms
        elif entry.kind == JournalKind.ORDER:
            row = codec.ORDER.unpack(entry.payload)
            found.orders[row.client_id] = row
        elif entry.kind == JournalKind.FILL:
            _fold_fill(found, codec.FILL.unpack(entry.payload))
    return found


def _fold_fill(found: Contents, row: Any) -> None:
    found.fills += 1
    found.held[row.instrument] += row.side * row.size
    key = row.instrument, _asset(row)
    found.fees[key] = found.fees.get(key, Decimal()) + Decimal(row.fee).scaleb(-FEE_DECIMALS)


def _asset(row: Any) -> str:
    return str(row.fee_asset.rstrip(b"\0").decode(errors="replace"))


def journal(options: argparse.Namespace) -> int:
    """Show the journal, or put it away."""
    system, directory = find(options.system, options.directory)
    contents = fold(directory)
    if options.set_aside:
        return _set_aside(system, directory, contents, options)
    tree = _tree(system, directory, contents)
    say_json(tree) if options.json else _show(tree)
    return 0


def find(system: str, named: str) -> tuple[str, Path]:
    """The system and its journal's directory; a directory that is named needs no system."""
    if named:
        directory = Path(named).resolve()
    else:
        system = choose_system(system, stopped=True)
        directory = Path(Names.of(system).journal or Paths.known(system).state / "journal")
    if not segments(directory):
        raise Complaint(f"no journal in {directory}: --directory names another, if the configuration does", NOBODY)
    return system, directory


def _tree(system: str, directory: Path, contents: Contents) -> dict[str, Any]:
    files = segments(directory)
    return {
        "system": system, "directory": str(directory), "segments": len(files),
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


def _show(tree: dict[str, Any]) -> None:
    size = f"{tree['segments']} segments, {tree['bytes'] / 2**20:.1f} MiB"
    last = f"the last record at {local(tree['last_record_ns'])}"
    say(f"{tree['directory']}: {size}, {tree['records']:,} records, {tree['fills']:,} fills, {last}")
    _show_part(tree["instruments"], ("instrument", "symbol", "price_decimals", "size_decimals"))
    for name, columns in (("open_orders", ORDER_COLUMNS), ("held", ("symbol", "size"))):
        say(f"\n{name.replace('_', ' ')}: {len(tree[name]) or 'none'}")
        _show_part(tree[name], columns)


def _show_part(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        say_table(columns, [[one[column] for column in columns] for one in rows])


def _set_aside(system: str, directory: Path, contents: Contents, options: argparse.Namespace) -> int:
    """Rename the directory, unless something would be forgotten with it."""
    if system and shm.names(system):
        raise Complaint(f"{system} has segments in shared memory, which hold the journal's end: engine-ctl down first")
    if contents.open:
        advice = "start the system once with its old configuration, so that it asks the venue and cancels them"
        raise Complaint(f"{len(contents.open)} orders are open or of unknown fate: {advice}")
    held = ", ".join(f"{size} {contents.terms.get(one, UNKNOWN).symbol}" for one, size in contents.holdings().items())
    if held and not options.force:
        advice = "close it, or, as for dust that no order can close, say --force WHY"
        raise Complaint(f"{held} is held by this journal and would be forgotten: {advice}")
    try:
        lock = hold(directory)
    except ValueError as error:
        raise Complaint(str(error)) from error
    with lock:
        aside = _rename(directory, options.force)
    if options.json:
        say_json({"system": system, "set_aside": str(aside), "held": held})
    else:
        say(f"set aside as {aside}")
    return 0


def _rename(directory: Path, why: str) -> Path:
    """The directory under its new name, with the system's id: under the old id, order ids would be used twice."""
    aside = directory.with_name(f"{directory.name}.aside-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}")
    directory.rename(aside)
    identity = directory.parent / "system.uuid"
    if identity.exists():
        identity.rename(aside / identity.name)
    if why:
        (aside / "why.txt").write_text(f"{why}\n")
    return aside


def fills(options: argparse.Namespace) -> int:
    """List every fill of the journal."""
    system, directory = find(options.system, options.directory)
    trees = list(_fills(directory, names_of(system, directory)))
    trees = trees[len(trees) - options.n :] if options.n is not None and options.n < len(trees) else trees
    if options.json:
        say_json(trees)
    elif options.csv:
        writer = csv.DictWriter(sys.stdout, FILL_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(trees)
    else:
        shown = [name for name in FILL_COLUMNS if name not in HIDDEN]
        say_table(shown, [[one[name] for name in shown] for one in trees], f"{len(trees)} fills")
    return 0


ORDER_COLUMNS = ("client_id", "strategy_name", "symbol", "side", "size", "filled", "price", "state")
FILL_COLUMNS = (
    "time", "time_ns", "strategy", "strategy_name", "instrument", "symbol", "venue", "side", "size", "price", "fee",
    "fee_asset", "liquidity", "venue_fill_id", "venue_order_id", "client_id", "intent_id",
)  # fmt: skip
HIDDEN = ("time_ns", "strategy", "instrument", "client_id", "intent_id", "venue_order_id")


def _fills(directory: Path, names: Names) -> Iterator[dict[str, Any]]:
    terms: dict[int, Terms] = {}
    for entry in read_journal(directory):
        if entry.kind == JournalKind.START and entry.payload:
            number, one = read_terms(entry.payload)
            terms[number] = one
        elif entry.kind == JournalKind.FILL:
            yield _fill(codec.FILL.unpack(entry.payload), terms, names)


def _fill(row: Any, terms: dict[int, Terms], names: Names) -> dict[str, Any]:
    one = terms.get(row.instrument, UNKNOWN)
    at_ns = row.venue_ns or row.receive_ns
    return {
        "time": iso(at_ns), "time_ns": at_ns, "strategy": row.strategy, "strategy_name": names.strategy(row.strategy),
        "instrument": row.instrument, "symbol": one.symbol, "venue": one.venue, "side": side_word(row.side),
        "size": to_text(row.size, one.size_decimals), "price": to_text(row.price, one.price_decimals),
        "fee": to_text(row.fee, FEE_DECIMALS), "fee_asset": _asset(row),
        "liquidity": "maker" if row.maker else "taker", "venue_fill_id": row.venue_fill_id,
        "venue_order_id": row.venue_order_id, "client_id": row.client_id.ljust(16, b"\0").hex(),
        "intent_id": row.intent_id,
    }  # fmt: skip
