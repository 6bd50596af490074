"""What one comparison with the venue has found so far: `recovery` fills it in, `reconciliation` reports it."""

from dataclasses import dataclass, field

from engine.venues.trading.news import OrderNews


@dataclass(slots=True)
class Audit:
    """One comparison of orders and fills."""

    number: int = 0
    began_ns: int = 0
    asked_ns: int = 0  # when the listing of the open orders was asked for; 0: it has not come yet
    listed: dict[bytes, OrderNews] = field(default_factory=dict)  # open orders of ours, by our id
    unknown: list[OrderNews] = field(default_factory=list)  # of them, those that were not in the journal
    others: int = 0  # open orders of others
    fills_listed: int = 0
    fills_unknown: int = 0  # those that the journal did not have: others' too

    def following(self, now_ns: int) -> "Audit":
        """The next comparison."""
        return Audit(self.number + 1, now_ns)
