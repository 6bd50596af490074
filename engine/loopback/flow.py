"""Background order flow from one seed: a moving reference price, a maker's ladder around it, takers and cancels.

`step(now_ns)` does every action that is due; `due` and `act` do them one at a time, so that the wire can publish each.
Times and draws are integers from the seed: two runs of one seed make the same orders at the same times.
"""

from dataclasses import dataclass
from random import Random

from engine.loopback.market import fixed
from engine.loopback.matching import Matching
from engine.loopback.orders import Kind, Order, OrderRequest, Until
from engine.model.words import BUY, SELL

MAKER, TAKER = "flow.maker", "flow.taker"
PURSE = fixed("1000000000")
CATCH_UP_MOST = 2_000  # actions done after a pause; the rest are skipped


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """The activity of a market."""

    price: int = fixed("60000")  # the first reference price
    interval_ns: int = 5_000_000  # mean time between two actions
    levels: int = 20  # a side
    spacing: int = 10  # price steps between two levels
    wander: int = 8  # price steps that the reference moves at most in an action
    size: int = fixed("0.5")  # the largest size of a maker; a taker's is up to half of it
    taker_percent: int = 12
    wander_percent: int = 20


class Flow:
    """One market's background accounts."""

    def __init__(self, matching: Matching, symbol: str, seed: int, settings: FlowSettings, now_ns: int) -> None:
        """Fund the accounts and place the first ladder."""
        self.matching, self.settings = matching, settings
        self.market = matching.books[symbol].market
        self.reference = settings.price - settings.price % self.market.price_step
        self.next_ns = now_ns
        self._random = Random(f"{seed}:{symbol}")  # noqa: S311 (a chaos must be repeatable)
        self._slots: dict[tuple[int, int], Order] = {}
        self._count = 0
        for name in (MAKER, TAKER):
            matching.ledger.open(name, watched=False)
            for asset in (self.market.base, self.market.quote):
                matching.ledger.deposit(name, asset, PURSE)
        for level in range(settings.levels):
            for side in (BUY, SELL):
                self._quote(side, level, now_ns)

    def due(self, now_ns: int) -> bool:
        """Whether an action is due."""
        return self.next_ns <= now_ns

    def step(self, now_ns: int) -> int:
        """Do every action that is due; how many they were."""
        count = 0
        self.catch_up(now_ns)
        while self.due(now_ns):
            self.act()
            count += 1
        return count

    def catch_up(self, now_ns: int) -> None:
        """After a long pause, skip the oldest actions that are due, so that no step is endless."""
        self.next_ns = max(self.next_ns, now_ns - CATCH_UP_MOST * self.settings.interval_ns)

    def act(self) -> None:
        """Do the action that is due, and draw the time of the next one."""
        now_ns, draw = self.next_ns, self._random.randrange(100)
        self.next_ns += 1 + self._random.randrange(2 * self.settings.interval_ns)
        if draw < self.settings.taker_percent:
            self._place_taker(now_ns)
        elif draw < self.settings.taker_percent + self.settings.wander_percent:
            self._wander(now_ns)
        else:
            self._quote(self._random.choice((BUY, SELL)), self._random.randrange(self.settings.levels), now_ns)

    def _wander(self, now_ns: int) -> None:
        """Move the reference and requote the nearest levels around it."""
        steps = self._random.randint(-self.settings.wander, self.settings.wander)
        low, high = self.market.price_min * 4, self.market.price_max // 4
        self.reference = min(max(self.reference + steps * self.market.price_step, low), high)
        for side in (SELL, BUY) if steps > 0 else (BUY, SELL):
            self._quote(side, 0, now_ns)

    def _quote(self, side: int, level: int, now_ns: int) -> None:
        """Cancel the order in a slot of the ladder and place a new one."""
        resting = self._slots.pop((side, level), None)
        if resting is not None and resting.open:
            self.matching.cancel(resting, "", now_ns)
        jitter = self._random.randrange(self.settings.spacing)
        offset = 1 + level * self.settings.spacing + (jitter if level else jitter // 4)
        price = self.reference - side * offset * self.market.price_step
        order = self._place(MAKER, side, Kind.LIMIT_MAKER, price, now_ns)
        if isinstance(order, Order):
            self._slots[side, level] = order

    def _place_taker(self, now_ns: int) -> None:
        """Place a taker's order on one side, within a few levels of the reference."""
        side = self._random.choice((BUY, SELL))
        price = self.reference + side * 3 * self.settings.spacing * self.market.price_step
        self._place(TAKER, side, Kind.LIMIT, price, now_ns, until=Until.IOC)

    def _place(
        self, account: str, side: int, kind: Kind, price: int, now_ns: int, *, until: Until = Until.GTC
    ) -> object:
        """Place an order of random size."""
        self._count += 1
        most = self.settings.size // (2 if account == TAKER else 1)
        size = self._random.randrange(max(self.market.size_min, most // 50), most)
        size += -size % self.market.size_step
        return self.matching.place(
            OrderRequest(account, self.market.symbol, f"f{self._count}", side, kind, until, price, size), now_ns
        )
