"""Who may send which command, and the file modes by which another user than the system's own reaches it at all.

    [[operators]]        user = "alice", may = "look" | "halt" | "trade"     each right includes the ones before it
    system.group         may open the control socket and read the lanes
    system.halt_group    may also write the halt word in shared memory: a halt needs no supervisor

The system's own user and root may do everything. Others are known by the kernel's word (SO_PEERCRED), not by their own.
File modes hold without the supervisor, so they are what counts when it is dead: every lane but the halt word can only
be written by the system's own user.
"""

import grp
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from engine.config import Config
from engine.config.limits_file import COPY
from engine.control import Peer
from engine.supervisor.rights import Right
from shm.segment import path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

HALT_WORD = "operator_halt"
LOCK_SUFFIX = ".lock"


class Operators:
    """The rights of the users of this machine."""

    def __init__(self, config: Config, own: int | None = None) -> None:
        """Find the users of the configuration; ValueError when this machine does not have one of them.

        `own` is the system's own user; without it, that of this process.
        """
        self._own = os.getuid() if own is None else own
        self._rights: Mapping[int, Right] = {uid_of(one.user): Right[one.may.upper()] for one in config.operators}

    def right_of(self, uid: int) -> Right:
        """The right of a user."""
        return Right.TRADE if uid in (self._own, 0) else self._rights.get(uid, Right.NONE)

    def refusal(self, peer: Peer, command: str, needed: Right) -> str:
        """Why a user may not send a command; empty: the user may."""
        found = self.right_of(peer.uid)
        if found >= needed:
            return ""
        return (
            f"{command}: user {name_of(peer.uid)} may {found.name.lower()}, expected the right to"
            f" {needed.name.lower()}: ask the system's own user, or change [[operators]] and start the system again"
        )

    def stranger(self, peer: Peer) -> str:
        """Why a user may not connect at all; empty: the user may."""
        if self.right_of(peer.uid) > Right.NONE:
            return ""
        text = f"user {peer.uid} may not send commands, only user {self._own} and root"
        others = ", ".join(name_of(uid) for uid in self._rights)
        return f"{text}, and the operators {others}" if others else text


def uid_of(user: str) -> int:
    """A user's number."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        msg = f"operators.user = {user!r}: this machine has no such user"
        raise ValueError(msg) from None


def name_of(uid: int) -> str:
    """A user's name; the number as text for a user without one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def gid_of(group: str) -> int:
    """A group's number; -1 for the empty name, which changes no group."""
    try:
        return grp.getgrnam(group).gr_gid if group else -1
    except KeyError:
        msg = f"system.group = {group!r}: this machine has no such group"
        raise ValueError(msg) from None


def check(config: Config) -> None:
    """Refuse users and groups that this machine does not have; `engine-ctl check` asks here too."""
    Operators(config)
    for group in (config.system.group, config.system.halt_group):
        gid_of(group)
    if config.operators and not config.system.group:
        msg = "system.group: missing: [[operators]] reach the control socket by a group, name one that they are in"
        raise ValueError(msg)


def share_directory(config: Config) -> None:
    """Let the group reach the control socket and system.json through the run directory."""
    group = gid_of(config.system.group)
    if group < 0:
        return
    for directory in (config.paths.run.parent, config.paths.run):
        if directory.stat().st_uid == os.getuid() and directory.stat().st_mode & 0o077 == 0:
            os.chown(directory, -1, group)
            directory.chmod(0o710)
    for file in (config.paths.system, config.paths.sound, config.paths.sound.with_name(COPY)):
        if file.exists():
            share_file(file, group, 0o640)


def share_lanes(config: Config, names: list[str]) -> None:
    """Let the group read these lanes, and the halt group write the halt word."""
    group, halters = gid_of(config.system.group), gid_of(config.system.halt_group)
    for name in names:
        path = path_of(config.lane(name))
        if name == HALT_WORD and halters >= 0:
            share_file(Path(path), halters, 0o664 if group >= 0 else 0o660)
            lock = Path(f"{path}{LOCK_SUFFIX}")
            lock.touch(0o600)
            share_file(lock, halters, 0o660)
        elif group >= 0:
            share_file(Path(path), group, 0o640)


def share_file(path: Path, group: int, mode: int) -> None:
    """Give a file this group and this mode."""
    os.chown(path, -1, group)
    path.chmod(mode)
