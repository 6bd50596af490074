"""Who is who, so that a dead owner is never taken for a living one: pid, its start time, its namespace, the boot."""

import os
from functools import cache
from typing import NamedTuple

START_FIELD = 19  # of /proc/PID/stat, counted behind the command's closing bracket


@cache
def boot_id() -> bytes:
    """This boot of the machine, 16 bytes."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return bytes.fromhex(file.read().strip().replace("-", ""))


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since boot; 0 if there is no such process or it is a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = text[text.rindex(")") + 2 :].split()
    return 0 if fields[0] in "ZX" else int(fields[START_FIELD])


def pid_namespace() -> int:
    """The namespace our pids are numbers of."""
    return os.stat("/proc/self/ns/pid").st_ino


class Owner(NamedTuple):
    """The identity a writer leaves in its segment."""

    pid: int
    start: int
    namespace: int

    @classmethod
    def me(cls) -> "Owner":
        """This process."""
        return cls(os.getpid(), start_time(os.getpid()), pid_namespace())

    def life(self) -> str:
        """Alive, dead, none (never owned) or unknown (the pid belongs to another namespace)."""
        if not self.pid:
            return "none"
        if self.namespace != pid_namespace():
            return "unknown"
        return "alive" if start_time(self.pid) == self.start else "dead"
