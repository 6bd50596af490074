"""The halt: no new orders until an operator resumes, even when any process dies meanwhile.

It is stored in three places, in an order that leaves the system halted when the supervisor dies between two of them:
the file HALT in the state directory (survives `down` and a power cut), a record on COMMANDS (which roles apply), and
the HALT cell (which execution reads at its start and when it changes). Five causes halt a system: the control command,
the file (`touch` it), the operator's halt word (`operator.py`: execution reads it without the supervisor), SIGUSR1 to
the supervisor or to execution, and a process that dies too often. While a system is up, only the command resumes it:
removing the file does not. Between `down` and `up` only the file remains, and it decides: the supervisor writes the
cell, halted or not, before it starts a role. Execution follows the cell, not the operator's halt in its journal; only
an alarm in the journal (`execution/venue/alarm.py`) halts it in every state of the cell.

A halt of one account, strategy or instrument is a record on COMMANDS, which execution's journal keeps, and an entry of
the file halts.json, from which each supervisor publishes it again. It needs a supervisor that publishes it; the halt of
the whole system does not. A flattening is a halt during which execution closes positions: of the whole system with the
reason FLATTEN, of a scope by the command FLATTEN.
"""

import logging
import os

import shm
from engine.config import Config
from engine.control import Peer, Refused
from engine.lanes import SUPERVISOR, open_lanes
from engine.model import records
from engine.model.scope import WHOLE, Held, Scope
from engine.model.words import CommandKind, HaltReason
from engine.supervisor import operator
from engine.supervisor.scopes import HaltedScopes

AGAIN_NS = 1_000_000_000  # between two attempts to write what the disk had no room for
_BY_OPERATOR = frozenset({HaltReason.OPERATOR, HaltReason.FLATTEN})  # each replaces the other

logger = logging.getLogger(__name__)


class Halt:
    """The only writer of COMMANDS and HALT."""

    def __init__(self, config: Config, now_ns: int, me: Peer | None = None) -> None:
        """Continue the halt that the cell or the file holds; what it does by itself is of `me`, of this process."""
        self.file = config.paths.halt
        lanes = open_lanes(config.system.name, SUPERVISOR)
        self.commands, self.cell = lanes.ring_writer("commands"), lanes.cell_writer("halt")
        row = lanes.cell_reader("halt").read(0)
        self.system = config.system.name
        self.word = lanes.cell_reader("operator_halt")
        self.me = me or Peer(os.getpid(), os.getuid())
        self.halted = row is not None and bool(row.halted)
        self.since_ns = row.since_ns if self.halted else 0
        self.reason = HaltReason(row.reason) if self.halted else HaltReason.NONE
        self.scopes = HaltedScopes(config.paths.halts)
        self._on_disk, self._store_ns = True, 0  # whether the file HALT holds the halt; the next attempt
        if self.halted:
            self._write_file()
        if not self.step(now_ns):
            self._write_cell(
                row.command_sequence if row is not None else 0, row.uid if row is not None else self.me.uid
            )
        self._publish_scopes(now_ns)

    def step(self, now_ns: int) -> int:
        """Read the operator's halt word and the file; 1 when one of them halts the system."""
        if now_ns >= self._store_ns and not (self._on_disk and self.scopes.on_disk):
            self._store(now_ns)
        if self.halted or (reason := self._requested()) is HaltReason.NONE:
            return 0
        self.halt(now_ns, self.me, reason)
        return 1

    def _store(self, now_ns: int) -> None:
        """Write what a full disk has refused: a halt in memory only would end with `down`."""
        self._store_ns = now_ns + AGAIN_NS
        self._on_disk = self._on_disk or self._write_file()
        self.scopes.store()

    def _requested(self) -> HaltReason:
        row = self.word.read(0)
        if row is not None and row.halted:
            return HaltReason(row.reason) if row.reason in set(HaltReason) else HaltReason.OPERATOR
        return operator.reason_of(self.file)

    def halt(self, now_ns: int, peer: Peer, reason: HaltReason) -> bool:
        """Halt; published again when already halted. False when the file cannot be written.

        An operator's halt ends a flattening and keeps the halt; a flattening begins during a halt too.
        """
        changes = self.halted and self.reason is not reason and _BY_OPERATOR.issuperset((reason, self.reason))
        if not self.halted or changes or reason is HaltReason.FLATTEN:
            self.since_ns = self.since_ns if self.halted and not changes else now_ns
            self.halted, self.reason = True, reason
        on_disk = self._write_file()
        self._change_word(now_ns, peer)
        self._publish(CommandKind.HALT, now_ns, peer)
        logger.warning("halted", extra={"reason": self.reason.name.lower(), "uid": peer.uid, "pid_of_peer": peer.pid})
        return on_disk

    def _change_word(self, now_ns: int, peer: Peer) -> None:
        """Give an operator's older halt word this reason: execution polls it, and it would undo the newer command."""
        row = self.word.read(0)
        if row is None or not row.halted or row.reason == self.reason or self.reason not in _BY_OPERATOR:
            return
        with operator.held_word(self.system) as word:
            if word is None:
                logger.error("the operator's halt word is locked and keeps its older reason: give the command again")
                return
            word.write(0, *records.HALT.row(
                halted=1, since_ns=now_ns, command_sequence=0, uid=peer.uid, reason=self.reason
            ))  # fmt: skip

    def resume(self, now_ns: int, peer: Peer, asked_ns: int) -> None:
        """End the halt; refused when a halt is newer than the request, or when word or file cannot be cleared."""
        with operator.held_word(self.system) as word:
            self._clear(word, asked_ns)
            self.halted, self.since_ns, self.reason = False, now_ns, HaltReason.NONE
            self._on_disk = True
            self._publish(CommandKind.RESUME, now_ns, peer)
        logger.warning("resumed", extra={"uid": peer.uid, "pid_of_peer": peer.pid})

    def _clear(self, word: shm.CellWriter | None, asked_ns: int) -> None:
        """Remove the file and clear the operator's halt word, or raise why the system stays halted."""
        if word is None:
            raise Refused("still halted: another process writes the operator's halt word: resume again")
        row = self.word.read(0)
        if row is not None and row.halted and row.since_ns > asked_ns:
            raise Refused(
                "still halted: an operator halted after this resume was requested: resume again to end that halt"
            )
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            msg = f"still halted: {self.file} cannot be removed ({error.strerror}): remove it, then resume again"
            raise Refused(msg) from error
        word.write(0, *records.HALT.row(
            halted=0, since_ns=asked_ns, command_sequence=0, uid=self.me.uid, reason=HaltReason.NONE
        ))  # fmt: skip

    def halt_scope(self, now_ns: int, peer: Peer, scope: Scope, reason: HaltReason, *, flattens: bool = False) -> bool:
        """Halt an account, a strategy or an instrument, or flatten it; False when the file cannot be written."""
        on_disk = self.scopes.add(scope, Held(now_ns, reason, peer.uid, flattens))
        kind = CommandKind.FLATTEN if flattens else CommandKind.HALT
        self._command(kind, now_ns, peer, reason=reason, scope=scope)
        logger.warning(
            "flattening" if flattens else "halted",
            extra={"scope": scope.text(), "reason": reason.name.lower(), "uid": peer.uid, "pid_of_peer": peer.pid},
        )
        return on_disk

    def resume_scope(self, now_ns: int, peer: Peer, scope: Scope) -> None:
        """End the halt of a scope; published also when none is known here: execution may hold one by its journal."""
        self.scopes.remove(scope)
        self._command(CommandKind.RESUME, now_ns, peer, scope=scope)
        logger.warning("resumed", extra={"scope": scope.text(), "uid": peer.uid, "pid_of_peer": peer.pid})

    def cancel_all(self, now_ns: int, peer: Peer, scope: Scope) -> int:
        """Publish a CANCEL_ALL for execution; the record's sequence."""
        sequence = self.commands.cursor
        self._command(CommandKind.CANCEL_ALL, now_ns, peer, scope=scope)
        return sequence

    def cancel(self, now_ns: int, peer: Peer, intent_id: int) -> int:
        """Publish a CANCEL of one intent's orders for execution; the record's sequence."""
        sequence = self.commands.cursor
        self._command(CommandKind.CANCEL, now_ns, peer, target_id=intent_id)
        return sequence

    def reconcile(self, now_ns: int, peer: Peer) -> None:
        """Publish a RECONCILE for every execution."""
        self._command(CommandKind.RECONCILE, now_ns, peer)

    def set_values(
        self, now_ns: int, peer: Peer, strategy: int, version: int, values: bytes, *, disabled: bool
    ) -> None:
        """Publish a SET with every value that is set for a strategy, or for risk (0)."""
        self.commands.publish(*records.COMMAND.row(
            now_ns=now_ns, version=version, kind=CommandKind.SET, reason=HaltReason.NONE, strategy=strategy,
            instrument=0, uid=peer.uid, pid=peer.pid, account=0, target_id=0, disabled=int(disabled), values=values,
        ))  # fmt: skip

    def _publish_scopes(self, now_ns: int) -> None:
        """Publish every halted scope again: COMMANDS may be new, or an execution may not have read the first one."""
        for scope, held in self.scopes.held.items():
            kind = CommandKind.FLATTEN if held.flattens else CommandKind.HALT
            self._command(kind, now_ns, Peer(self.me.pid, held.uid), reason=HaltReason(held.reason), scope=scope)

    def close(self) -> None:
        """Try once more to write what is in memory only, and close both lanes."""
        self._store(self._store_ns)
        self.commands.close()
        self.cell.close()

    def _publish(self, kind: CommandKind, now_ns: int, peer: Peer) -> None:
        """Publish the record, then write the cell, which holds the record's sequence."""
        sequence = self.commands.cursor
        flattens = kind is CommandKind.HALT and self.reason is HaltReason.FLATTEN
        self._command(CommandKind.FLATTEN if flattens else kind, now_ns, peer, reason=self.reason)
        self._write_cell(sequence, peer.uid)

    def _command(
        self,
        kind: CommandKind,
        now_ns: int,
        peer: Peer,
        *,
        reason: HaltReason = HaltReason.NONE,
        scope: Scope = WHOLE,
        target_id: int = 0,
    ) -> None:
        """Publish one command."""
        row = records.COMMAND.row(
            now_ns=now_ns, version=0, kind=kind, reason=reason, strategy=scope.strategy, instrument=scope.instrument,
            uid=peer.uid, pid=peer.pid, account=scope.account, target_id=target_id, disabled=0,
            values=b"",
        )  # fmt: skip
        self.commands.publish(*row)

    def _write_cell(self, sequence: int, uid: int) -> None:
        self.cell.write(0, *records.HALT.row(
            halted=int(self.halted), since_ns=self.since_ns, command_sequence=sequence, uid=uid, reason=self.reason
        ))  # fmt: skip

    def _write_file(self) -> bool:
        """Write the file, unless it exists; False when that fails."""
        written = operator.write_file(self.file, self.since_ns, self.reason)
        if self._on_disk and not written:  # the engine halts even if the disk is full
            logger.error("the halt is in memory only: the file cannot be written", extra={"file": str(self.file)})
        self._on_disk = written
        return written
