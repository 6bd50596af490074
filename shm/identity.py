"""A process's identity: pid, start time and namespace. A reused pid does not make a dead owner look alive."""

import os
from functools import cache
from typing import NamedTuple

START_FIELD = 19  # of /proc/PID/stat, counted after the command's closing bracket


@cache
def boot_id() -> bytes:
    """Return the id of this boot of the machine, 16 bytes."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return bytes.fromhex(file.read().strip().replace("-", ""))


def start_time(pid: int) -> int:
    """Return when the process started, in clock ticks since boot; 0 if it does not exist or is a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = text[text.rindex(")") + 2 :].split()
    return 0 if fields[0] in "ZX" else int(fields[START_FIELD])


def pid_namespace() -> int:
    """Return the namespace of our pids."""
    return os.stat("/proc/self/ns/pid").st_ino


class Owner(NamedTuple):
    """The identity that a writer stores in its segment."""

    pid: int
    start: int
    namespace: int

    @classmethod
    def me(cls) -> "Owner":
        """Return this process; read once in a process, because a role opens many lanes at its start."""
        if not _me:
            _me.append(cls(os.getpid(), start_time(os.getpid()), pid_namespace()))
        return _me[0]

    def life(self) -> str:
        """Return alive, dead, none (never owned) or unknown (the pid is of another namespace)."""
        if not self.pid:
            return "none"
        if self.namespace != pid_namespace():
            return "unknown"
        return "alive" if start_time(self.pid) == self.start else "dead"


_me: list[Owner] = []
os.register_at_fork(after_in_child=_me.clear)
