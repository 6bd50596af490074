"""The halt: no new orders until somebody resumes, whoever dies in between.

It stands in three places, written in an order in which a death between two of them errs towards halted:
the file HALT in the state directory (survives `down` and a power cut), a record on COMMANDS (what roles decide by), and
the HALT cell (what a role that starts reads first). Four ways lead to it: the control command, the file (`touch` it),
the operator's word (`operator.py`: execution reads it without the supervisor), and SIGUSR1 to the supervisor or to
execution; dying too often is a fifth. While a system is up only the command resumes: removing the
file does not. Between `down` and `up` the file is all that is left of a halt, and what it says then holds: the
supervisor writes the cell before any role starts, halted or not, and a role believes it over its own journal.
"""

import logging
import os

import shm
from engine.config import Config
from engine.control import Peer, Refused
from engine.lanes import SUPERVISOR, open_lanes
from engine.model.words import CommandKind, HaltReason
from engine.supervisor import operator

SPARE = (0, 0, 0)

logger = logging.getLogger(__name__)


class Halt:
    """The one writer of COMMANDS and HALT."""

    def __init__(self, config: Config, now_ns: int) -> None:
        """Go on with the halt that is in force, by the cell or by the file."""
        self.file = config.paths.halt
        lanes = open_lanes(config.system.name, SUPERVISOR)
        self.commands, self.cell = lanes.ring_writer("commands"), lanes.cell_writer("halt")
        row = lanes.cell_reader("halt").read(0)
        self.system = config.system.name
        self.word = lanes.cell_reader("operator_halt")
        self.me = Peer(os.getpid(), os.getuid())
        self.halted = row is not None and bool(row.halted)
        self.since_ns = row.since_ns if self.halted else 0
        self.reason = HaltReason(row.reason) if self.halted else HaltReason.NONE
        if self.halted:
            self._remember()
        if not self.step(now_ns):
            self._write_cell(
                row.command_sequence if row is not None else 0, row.uid if row is not None else self.me.uid
            )

    def step(self, now_ns: int) -> int:
        """Look at the operator's word and at the file; 1 when one of them halted the system."""
        if self.halted or (reason := self._asked()) is HaltReason.NONE:
            return 0
        self.halt(now_ns, self.me, reason)
        return 1

    def _asked(self) -> HaltReason:
        row = self.word.read(0)
        if row is not None and row.halted:
            return HaltReason.OPERATOR
        return operator.reason_of(self.file)

    def halt(self, now_ns: int, peer: Peer, reason: HaltReason) -> bool:
        """Halt; said again when halted already, for who says it twice means it. False: the file failed."""
        if not self.halted:
            self.halted, self.since_ns, self.reason = True, now_ns, reason
        remembered = self._remember()
        self._publish(CommandKind.HALT, now_ns, peer)
        logger.warning("halted", extra={"reason": self.reason.name.lower(), "uid": peer.uid, "pid_of_peer": peer.pid})
        return remembered

    def resume(self, now_ns: int, peer: Peer, asked_ns: int) -> None:
        """Trade again; refused when a halt is newer than the request, or when word or file cannot be cleared."""
        with operator.held_word(self.system) as word:
            self._clear(word, asked_ns)
            self.halted, self.since_ns, self.reason = False, now_ns, HaltReason.NONE
            self._publish(CommandKind.RESUME, now_ns, peer)
        logger.warning("resumed", extra={"uid": peer.uid, "pid_of_peer": peer.pid})

    def _clear(self, word: shm.CellWriter | None, asked_ns: int) -> None:
        """Remove the file and clear the operator's word, or say why it stays halted."""
        if word is None:
            raise Refused("still halted: another process is writing the operator's halt word, try again")
        row = self.word.read(0)
        if row is not None and row.halted and row.since_ns > asked_ns:
            raise Refused("still halted: an operator halted after this resume was asked for, resume again")
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            msg = f"still halted: {self.file} cannot be removed: {error.strerror}"
            raise Refused(msg) from error
        word.write(0, 0, asked_ns, 0, self.me.uid, 0, operator.SPARE)

    def cancel_all(self, now_ns: int, peer: Peer, strategy: int, instrument: int) -> int:
        """Tell execution to cancel; the record's sequence."""
        sequence = self.commands.cursor
        self.commands.publish(now_ns, 0, CommandKind.CANCEL_ALL, 0, strategy, instrument, peer.uid, peer.pid, 0, SPARE)
        return sequence

    def resume_instrument(self, now_ns: int, peer: Peer, instrument: int) -> int:
        """Tell execution to end its own halt of one instrument; the record's sequence."""
        sequence = self.commands.cursor
        self.commands.publish(now_ns, 0, CommandKind.RESUME, 0, 0, instrument, peer.uid, peer.pid, 0, SPARE)
        return sequence

    def close(self) -> None:
        """Give both lanes up."""
        self.commands.close()
        self.cell.close()

    def _publish(self, kind: CommandKind, now_ns: int, peer: Peer) -> None:
        """The record first, then the cell that names it."""
        sequence = self.commands.cursor
        self.commands.publish(now_ns, self.reason, kind, 0, 0, 0, peer.uid, peer.pid, 0, SPARE)
        self._write_cell(sequence, peer.uid)

    def _write_cell(self, sequence: int, uid: int) -> None:
        self.cell.write(0, int(self.halted), self.since_ns, sequence, uid, self.reason, (0, 0, 0, 0))

    def _remember(self) -> bool:
        """Write the file, if it is not there."""
        written = operator.write_file(self.file, self.since_ns, self.reason.name.lower())
        if not written:  # a full disk must not keep the engine trading
            logger.error("the halt is in memory only", extra={"file": str(self.file)})
        return written
