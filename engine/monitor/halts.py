"""What may not trade: the system, an execution's entries, a scope, an instrument; and what ends it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from engine.model.instrument import Instrument
from engine.model.refusals import refusal_text
from engine.model.text import shown, word
from engine.model.words import AlarmReason, FlattenState, HaltReason
from engine.monitor.figures import Figures
from engine.monitor.names import Names
from engine.monitor.texts import title_of

HALTED = "halted"


class Halt(NamedTuple):
    """One halt. `since_ns` is 0 where no lane holds the time."""

    scope: str
    state: str
    reason: str
    text: str
    since_ns: int
    ended_by: str


def halts_of(figures: Figures) -> Iterator[Halt]:
    """Every halt of a system, the widest first."""
    known = figures.instruments()
    for row in figures.cells("halt"):
        if row.halted:
            yield Halt("system", HALTED, word(HaltReason, row.reason).lower(), "", row.since_ns, "engine-ctl resume")
    for role, row in figures.owned_cells("gate"):
        if row.exits_only:
            cause = refusal_text(row.exits_only)
            yield Halt(f"entries of {role}", "exits only", cause, "", 0, "the end of that cause")
    for row in figures.cells("scope_halts"):
        if row.since_ns:
            scope, reason = _scope(figures.names, known, row), word(HaltReason, row.reason).lower()
            text = shown(row.text) or word(FlattenState, row.state).lower()
            ended_by = f"engine-ctl resume{_option(figures.names, known, row)}"
            yield Halt(scope, HALTED, reason, text, row.since_ns, ended_by)
    for row in figures.cells("instrument_halts"):
        if row.reason:
            scope, reason = f"instrument {title_of(known, row.instrument)}", word(AlarmReason, row.reason).lower()
            yield Halt(scope, HALTED, reason, shown(row.text), row.since_ns, "engine-ctl resume")


def _option(names: Names, known: Mapping[int, Instrument], row: Any) -> str:
    """The options with which `engine-ctl resume` ends the halt of this scope, and of no other."""
    if row.strategy:
        return f" --strategy {names.strategy(row.strategy)}"
    if row.instrument:
        found = known.get(row.instrument)
        return f" --instrument {f'{found.venue}:{found.symbol}' if found is not None else row.instrument}"
    return f" --account {names.account(row.account)}" if row.account else ""


def _scope(names: Names, known: Mapping[int, Instrument], row: Any) -> str:
    if row.strategy:
        return f"strategy {names.strategy(row.strategy)}"
    if row.instrument:
        return f"instrument {title_of(known, row.instrument)}"
    return f"account {names.account(row.account)}" if row.account else "system"
