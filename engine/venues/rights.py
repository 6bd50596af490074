"""What a key may do at a venue, as the venue itself lists it; asked by `engine-ctl preflight`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of a key that matter for an engine."""

    may_trade: bool
    may_withdraw: bool
    is_bound: bool  # it works from known addresses only


@dataclass(frozen=True, slots=True)
class RightsQuery:
    """The signed request for a key's rights, and how its answer is read."""

    request: Callable[[Sequence[str], int], tuple[str, dict[str, str]]]  # key and time: target and headers
    read: Callable[[bytes], Rights]  # ValueError for an answer that has them not
