"""The records of breakers: whose a record is, how its trip holds its scope, and what an operator's resume opens."""

from collections.abc import Mapping
from typing import NamedTuple

from engine.model.refusals import refusal_text
from engine.model.rows import BreakerRow
from engine.model.scope import Held, Scope
from engine.model.text import bare
from engine.model.words import BreakerPolicy, HaltReason

HALTS = (BreakerPolicy.CANCEL, BreakerPolicy.FLATTEN)


class Place(NamedTuple):
    """Whose breaker it is."""

    key: str
    strategy: int  # 0: the account's

    def scope(self, account: int) -> Scope:
        """What its trip stops."""
        return Scope(strategy=self.strategy) if self.strategy else Scope(account=account)


def place_of(row: BreakerRow) -> Place:
    """Whose breaker a record is about."""
    return Place(bare(row.key).decode(), row.strategy)


def held_of(row: BreakerRow) -> Held | None:
    """How a trip holds its scope; None where its policy does not halt."""
    if row.policy not in HALTS:
        return None
    return Held(row.since_ns, HaltReason.BREAKER, 0, flattens=row.policy == BreakerPolicy.FLATTEN)


def resumed(rows: Mapping[Place, BreakerRow], scope: Scope, account: int) -> dict[Place, BreakerRow]:
    """The breakers that an operator's resume of a scope opens, as they are after it."""
    return {
        place: row._replace(since_ns=0, policy=0, reason=0, value=0, limit=0, anew=1)
        for place, row in rows.items()
        if row.policy and place.scope(account) == scope
    }


def text_of(row: BreakerRow) -> str:
    """A trip, for people."""
    policy = BreakerPolicy(row.policy).name.lower()
    return f"{bare(row.key).decode()} ({policy}): {refusal_text(row.reason, row.value, row.limit)}"
