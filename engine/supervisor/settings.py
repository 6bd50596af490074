"""What operators set while the system runs: stored, published, and followed until each role confirms it.

    engine-ctl set ──▶ Settings ──1──▶ settings.json          holds across every restart
                          │     ──2──▶ SET on COMMANDS        roles apply it between two events
                          └──3── cells PARAMETERS, LIMITS ◀── applied, or refused and why

The file is written before the record, so a supervisor that dies between the two publishes it at its next start. A SET
carries every value of its owner, and it is published again before the ring overwrites it: a role that starts reads its
settings from COMMANDS alone. When a role refuses a SET, the values before it are published again.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

import shm
from engine.config import Config
from engine.config import settings as stored
from engine.config.settings import RISK, ROUTER, Disabled, Owner, Value, Who, set_router
from engine.control import Peer, Refused
from engine.lanes import SUPERVISOR, lane_of, open_lanes
from engine.lanes.ports import CellReader
from engine.model.intent_id import ROUTED
from engine.model.records import SET_TEXT
from engine.model.text import shown
from engine.model.words import CommandKind
from engine.risk.limits import RiskLimits
from engine.risk.table import set_risk
from engine.supervisor.halt import Halt
from engine.supervisor.operators import name_of

LIMITS: dict[str, Any] = msgspec.to_builtins(RiskLimits())
AGAIN_AFTER = lane_of("commands").capacity // 2  # records on COMMANDS, after which a SET is published again

logger = logging.getLogger(__name__)


class Settings:
    """The settings of every owner: risk, the router, and each strategy."""

    def __init__(self, config: Config, halt: Halt, now_ns: int) -> None:
        """Read the file, and publish what the COMMANDS ring does not hold."""
        self._config = config
        self._halt = halt
        self._tables = {owner: stored.table_of(config, owner) for owner in stored.owners_of(config)}
        self._numbers = {RISK: 0, ROUTER: ROUTED, **{one.name: one.id for one in config.strategies}}
        self._numbers = {owner: self._numbers[owner] for owner in self._tables}
        self._stored = stored.read(config.paths.settings)
        self._published: dict[str, int] = {}  # by owner, the sequence of its newest SET on COMMANDS
        self._cells = self._open_cells()
        self._continue(now_ns)

    def step(self, now_ns: int) -> int:
        """Publish again what the ring would overwrite, and undo what a role refused; how much was done."""
        end = self._halt.commands.cursor
        old = [owner for owner, at in self._published.items() if end - at > AGAIN_AFTER]
        for owner in old:
            self._publish(owner, self._halt.me, now_ns)
        return len(old) + sum(self._settle(owner, now_ns) for owner in tuple(self._stored.before))

    def change(
        self, owner: str, values: Mapping[str, Any], drop: Iterable[str], keep: Iterable[str], peer: Peer, now_ns: int
    ) -> Mapping[str, Any]:
        """Set values of one owner, return others to the file's, keep others although the file changed; all or none."""
        before, table = self._owner(owner), self._tables[owner]
        self._expect_set(owner, {*drop, *keep})
        who = who_is(peer)
        after = {name: one for name, one in before.values.items() if name not in set(drop)}
        for name in keep:
            after[name] = msgspec.structs.replace(after[name], file=table.get(name), in_file=name in table)
        for name, value in values.items():
            after[name] = Value(value, now_ns, who, table.get(name), name in table)
        self._replace({owner: Owner(0, after, before.disabled)}, peer, now_ns)
        names, now = sorted({*values, *drop}), self._stored.of(owner)
        return {
            "owner": owner,
            "version": now.version,
            "changes": [
                {"name": name, "before": self._value(before, owner, name), "after": self._value(now, owner, name)}
                for name in names
            ],
        }  # fmt: skip

    def expect(self, owner: str, expected: Mapping[str, Any]) -> None:
        """Refuse a change by an operator who saw other values than those of now: another operator was quicker."""
        one = self._owner(owner)
        for name, text in expected.items():
            value = self._value(one, owner, name)
            if str(value) != str(text):
                raise Refused(f"set: {owner}.{name} is {value} by now, expected {text}: look at it again first")

    def reload(self, config: Config, owners: Mapping[str, Iterable[str]], peer: Peer, now_ns: int) -> dict[str, int]:
        """Follow a file that was read again: these values of it win over those that were set. The new versions."""
        before, self._tables = self._tables, {owner: stored.table_of(config, owner) for owner in self._tables}
        try:
            after = {owner: self._as_in_file(owner, names, peer, now_ns) for owner, names in owners.items()}
            self._replace(after, peer, now_ns)
        except Refused:
            self._tables = before
            raise
        return {owner: self._stored.of(owner).version for owner in owners}

    def _as_in_file(self, owner: str, names: Iterable[str], peer: Peer, now_ns: int) -> Owner:
        """An owner with these values of the file."""
        one, table, who = self._owner(owner), self._tables[owner], who_is(peer)
        if missing := set(names) - set(table):
            raise Refused(f"reload: the file has no {owner}.{min(missing)}")
        values = {name: Value(table[name], now_ns, who, table[name], in_file=True, reloaded=True) for name in names}
        return Owner(0, {**one.values, **values}, one.disabled)

    def set_disabled(self, owner: str, *, disabled: bool, peer: Peer, now_ns: int) -> Mapping[str, Any]:
        """Disable or enable a strategy."""
        before = self._owner(owner)
        after = (before.disabled or Disabled(now_ns, who_is(peer))) if disabled else None
        self._replace({owner: Owner(0, dict(before.values), after)}, peer, now_ns)
        return {
            "strategy": owner, "version": self._stored.of(owner).version,
            "before": "disabled" if before.disabled else "enabled", "after": "disabled" if disabled else "enabled",
        }  # fmt: skip

    def is_disabled(self, strategy: str) -> bool:
        """Whether an operator has disabled a strategy."""
        return self._stored.of(strategy).disabled is not None

    def status(self) -> dict[str, Any]:
        """By owner, what is set, by whom and when, and what each role has confirmed."""
        return {owner: self._describe(owner) for owner, one in self._stored.owners.items() if owner in self._numbers
                and (one.values or one.disabled)}  # fmt: skip

    def _describe(self, owner: str) -> dict[str, Any]:
        one, confirmed = self._stored.of(owner), self._confirmed(owner)
        return {
            "version": one.version,
            "applied": {role: applied for role, (applied, _, _) in confirmed.items()},
            "refused": next((error for _, refused, error in confirmed.values() if refused == one.version), ""),
            "disabled": None if one.disabled is None else msgspec.to_builtins(one.disabled),
            "values": {name: msgspec.to_builtins(value) for name, value in one.values.items()},
        }  # fmt: skip

    def _owner(self, owner: str) -> Owner:
        if owner not in self._numbers:
            raise Refused(f"set: unknown owner {owner!r}, expected one of {', '.join(self._numbers)}")
        return self._stored.of(owner)

    def _expect_set(self, owner: str, names: set[str]) -> None:
        """Refuse to drop or keep what is not set."""
        known = self._stored.of(owner).values
        if unknown := names - set(known):
            raise Refused(f"{owner}.{min(unknown)} is not set, set are: {', '.join(known) or 'none'}")

    def _value(self, one: Owner, owner: str, name: str) -> Any:
        """The value in force: the set one, the file's, or the limit's default; None: the default of a strategy."""
        default = LIMITS.get(name) if owner == RISK else None
        return one.values[name].value if name in one.values else self._tables[owner].get(name, default)

    def _replace(self, changed: Mapping[str, Owner], peer: Peer, now_ns: int) -> None:
        """Check all, store all in one step and publish the new settings, or raise Refused without an effect."""
        after = self._stored
        for owner, one in changed.items():
            self._check(owner, one.values)
            after = after.keeping_before(owner).with_owner(owner, one.values, one.disabled)
        try:
            stored.write(self._config.paths.settings, after)
        except OSError as error:
            msg = f"{self._config.paths.settings} cannot be written ({error.strerror}): nothing was changed"
            raise Refused(msg) from error
        self._stored = after
        for owner in changed:
            self._publish(owner, peer, now_ns)

    def _check(self, owner: str, values: Mapping[str, Value]) -> None:
        plain = {name: one.value for name, one in values.items()}
        if len(json.dumps(plain).encode()) > SET_TEXT:
            raise Refused(f"{owner}: all set values together may have {SET_TEXT} bytes as JSON: put them into the file")
        if owner == RISK:
            try:
                set_risk(self._tables[RISK], plain)[0].check_instruments([one.id for one in self._config.instruments])
            except ValueError as error:  # msgspec.ValidationError is one
                raise Refused(f"risk: {error}") from error

        if owner == ROUTER:
            assert self._config.router is not None, "only a system with a router has this owner"
            try:
                set_router(self._config.router, self._config.budgets, plain)
            except ValueError as error:
                raise Refused(f"router: {error}") from error

    def _publish(self, owner: str, peer: Peer, now_ns: int) -> None:
        one, number = self._stored.of(owner), self._numbers[owner]
        values = json.dumps(one.plain()).encode()
        self._published[owner] = self._halt.commands.cursor
        self._halt.set_values(now_ns, peer, number, one.version, values, disabled=one.disabled is not None)

    def _settle(self, owner: str, now_ns: int) -> int:
        """Forget how to undo a change that every role has applied; undo one that a role has refused."""
        version, confirmed = self._stored.of(owner).version, self._confirmed(owner)
        error = next((error for _, refused, error in confirmed.values() if refused == version), "")
        if error:
            logger.error("a setting was refused, the one before it is in force", extra={"owner": owner, "error": error})
            self._undo(owner, min(applied for applied, _, _ in confirmed.values()), now_ns)
        elif confirmed and all(applied == version for applied, _, _ in confirmed.values()):
            self._store(self._stored.without_before(owner), "it is removed at the next change", logging.WARNING)
        return bool(error)

    def _undo(self, owner: str, applied: int, now_ns: int) -> None:
        """Return to the version that every role has applied; without it, to the one before the first open change."""
        before, disabled = self._stored.before[owner], self._stored.of(owner).disabled
        found = next((one for one in before if one.version == applied), before[0])
        after = self._stored.without_before(owner).with_owner(owner, dict(found.values), disabled)
        self._store(after, "the refused setting is in it: drop it before the next start", logging.CRITICAL)
        self._publish(owner, self._halt.me, now_ns)

    def _store(self, after: stored.Settings, left: str, level: int) -> None:
        """Follow the new settings, also when the disk does not accept them; `left` is then in the log."""
        self._stored = after
        try:
            stored.write(self._config.paths.settings, after)
        except OSError as error:
            what = {"file": str(self._config.paths.settings), "error": str(error)}
            logger.log(level, "an older state of the settings stays in their file: %s", left, extra=what)

    def _confirmed(self, owner: str) -> dict[str, tuple[int, int, str]]:
        """By role that follows an owner: the version that it has applied, the one that it has refused, and why."""
        rows = {role: cell.read(0) for role, cell in self._cells[owner].items()}
        return {
            role: (0, 0, "") if row is None else (row.version, row.refused, shown(row.error))
            for role, row in rows.items()
        }

    def _open_cells(self) -> dict[str, dict[str, CellReader]]:
        """By owner, the cells in which its roles confirm; a replay has no execution."""
        lanes, config = open_lanes(self._config.system.name, SUPERVISOR), self._config
        found: dict[str, dict[str, CellReader]] = {
            one.name: {one.name: lanes.cell_reader("parameters", one.name)} for one in config.strategies
        }
        found[RISK] = {role: lanes.cell_reader("limits", role) for role in config.execution_names}
        if config.router is not None:
            found[ROUTER] = {role: lanes.cell_reader("router_settings", role) for role in config.router_names}
        return found

    def _continue(self, now_ns: int) -> None:
        """Publish each owner's settings that the ring does not hold; in a new system the file's own values are read."""
        newest = newest_on_ring(self._config.system.name)
        if not newest:
            self._forget_reloaded()
        for owner, number in self._numbers.items():
            one = self._stored.of(owner)
            if one.version and newest.get(number, (0, 0))[0] != one.version:
                self._publish(owner, self._halt.me, now_ns)
            elif one.version:
                self._published[owner] = newest[number][1]

    def _forget_reloaded(self) -> None:
        """Drop the values of `reload` in memory: every role reads the file that has them."""
        owners = {
            name: msgspec.structs.replace(
                one, values={key: value for key, value in one.values.items() if not value.reloaded}
            )
            for name, one in self._stored.owners.items()
        }
        self._stored = msgspec.structs.replace(self._stored, owners=owners)


def newest_on_ring(system: str) -> dict[int, tuple[int, int]]:
    """The version and the sequence of each owner's newest SET on COMMANDS, by the owner's number."""
    ring = open_lanes(system, SUPERVISOR).ring_reader("commands")
    ring.cursor, found = ring.oldest, {}
    while (row := ring.read()) is not None:
        if not isinstance(row, shm.Lapped) and row.kind == CommandKind.SET:
            found[row.strategy] = row.version, ring.cursor - 1
    return found


def who_is(peer: Peer) -> Who:
    """An operator's user and process."""
    return Who(peer.uid, name_of(peer.uid), peer.pid)
