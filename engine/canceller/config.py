"""What one canceller is configured with."""

from dataclasses import dataclass

MS = 1_000_000


@dataclass(frozen=True, slots=True)
class CancellerConfig:
    """The times by which a canceller judges an execution; nanoseconds."""

    dead_ns: int = 5_000 * MS  # no execution looks after its orders for so long
    late_ns: int = 250 * MS  # no beat for so long: execution is frozen
    frozen_ns: int = 2_000 * MS  # then it is frozen even where it only waited for a core
    beat_ns: int = 20 * MS  # between two beats
    foreign: bool = False  # also cancel open orders of the account that are not of this system
