"""A parent, and its children: the state that the journal's records make.

    size = filled by ended children + the sizes of living children + free
                                                                     └─ what the next wave may split

A living child counts with its whole size until its execution has shown its end, so all children together never exceed
the parent, whatever died meanwhile. An execution may correct the end of a child that it had only inferred: what the
venue filled after all counts, and what is free shrinks.
"""

from dataclasses import dataclass, field

from engine.model.rows import IntentRow
from engine.model.words import OrderState, TimeInForce
from engine.router.terms import Member, Route


@dataclass(slots=True)
class Child:
    """One intent to one account's execution."""

    intent: IntentRow
    number: int
    size: int  # this and `filled` in the route's numbers
    member: Member
    filled: int = 0
    state: int = 0  # of its newest ORDER; 0: none yet
    timed: bool = False  # its acknowledgement counts in its account's median
    cancelled: bool = False  # a cancel was submitted
    guessed: bool = False  # ended without its fills: it counts as filled in full until they are known

    @property
    def id(self) -> int:
        """The id of its intent: by it execution knows a repeated one."""
        return self.intent.intent_id


@dataclass(slots=True)
class Parent:
    """One intent of a strategy."""

    intent: IntentRow
    route: Route
    member: Member  # of the instrument that the intent names
    begun_ns: int
    deadline_ns: int
    filled: int = 0  # by ended children, in the route's numbers
    made: int = 0  # children so far
    children: dict[int, Child] = field(default_factory=dict)  # the living ones
    ended: dict[int, Child] = field(default_factory=dict)  # the newest ended ones
    stopped: str = ""  # why no further child is made; empty: it works
    expired: bool = False  # stopped by its own time
    left_out: dict[str, int] = field(default_factory=dict)  # accounts that receive no share, until when
    newer_than: dict[str, int] = field(default_factory=dict)  # by account: only a later book receives a share
    next_ns: int = 0  # of the next wave at the earliest
    too_large: int = 0  # refused by accounts as too large since the last wave: an IOC may split it once more
    shown: tuple[int, int] = (0, 0)  # state and filled size as last published
    shown_at: int = 0  # how many records the router had published then

    @property
    def id(self) -> int:
        """The id of its intent."""
        return self.intent.intent_id

    @property
    def size(self) -> int:
        """Its size in the route's numbers."""
        return self.intent.size * self.member.size_factor

    @property
    def limit(self) -> int:
        """Its limit in the route's numbers."""
        return self.intent.price * self.member.price_factor

    @property
    def free(self) -> int:
        """What no child has."""
        return max(0, self.size - self.bound)

    @property
    def for_wave(self) -> int:
        """What the next wave may split: of an IOC that has had its wave, only what no venue was asked for."""
        once = self.intent.time_in_force == TimeInForce.IOC and self.made
        return min(self.free, self.too_large) if once else self.free

    @property
    def waved(self) -> bool:
        """Whether it is an IOC whose wave has ended."""
        once = self.intent.time_in_force == TimeInForce.IOC and self.made
        return bool(once and not self.children and not self.too_large)

    @property
    def bound(self) -> int:
        """What children have filled and may fill; above the size only after the correction of an end."""
        return self.filled + sum(child.size for child in self.children.values())

    @property
    def seen(self) -> int:
        """What is filled as far as is known."""
        return self.filled + sum(child.filled for child in self.children.values())

    @property
    def settled(self) -> bool:
        """Whether nothing can follow: no child lives, and none is to be made."""
        return not self.children and bool(self.stopped or self.filled >= self.size)

    @property
    def state(self) -> OrderState:
        """How a strategy sees it."""
        if not self.settled:
            return OrderState.PARTLY_FILLED if self.seen else OrderState.OPEN
        if self.filled >= self.size:
            return OrderState.FILLED
        return OrderState.EXPIRED if self.expired else OrderState.CANCELLED
