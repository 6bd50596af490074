"""A taker of three small predictors that learns which of them is right, and trades less where they fail.

    flow        who traded last: the signed size of others' trades / their whole size
    book        which side of the book is heavier: its imbalance, (bids - asks) / (bids + asks)
    reversal    the opposite of the move since the last horizon

Each predicts that the middle is higher after `horizon_ms` than now, as 1/2 + `lean` * score / 2. An `Ensemble` weights
them by their outcomes, and says how far its mean can be trusted. With a probability of `entry` or more the strategy
buys `size` times the exposure, and sells when the probability falls to `exit`. What it has learned outlives a death of
its process. It shows how learning online is wired, not a way to earn money.
"""

from typing import Annotated

import msgspec

from engine.learning import Ensemble, Exposure, Learned
from engine.model.words import BUY, SELL
from engine.strategy.api.book import Book
from engine.strategy.api.rows import Print
from engine.strategy.api.sizing import exposed
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import orderable, price_down, price_up, size_of

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
EXPERTS = ("flow", "book", "reversal")
KEEP = 0.9  # of the sums of trades, at each trade


class EnsembleTaker(Strategy):
    """Learns on one instrument."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`size` is decimal text in the base currency."""

        size: str
        horizon_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000, extra={"unit": "ms"})] = 1_000
        entry: Share = 0.55
        exit: Share = 0.5
        lean: Share = 0.4
        trust_low: Share = 0.5  # the exposure is 0 up to this confidence
        trust_high: Share = 0.6  # and 1 from this one on
        slip_steps: Annotated[int, msgspec.Meta(ge=0)] = 5

        def __post_init__(self) -> None:
            """Refuse limits that would leave at once, or that are no range."""
            if self.exit >= self.entry:
                raise ValueError(f"exit must be below entry, was {self.exit} with entry {self.entry}")
            if self.trust_low >= self.trust_high:
                raise ValueError(f"trust_low must be below trust_high, was {self.trust_low} and {self.trust_high}")

    class State(msgspec.Struct):
        """What outlives a death: what was learned, and the middle at each open prediction."""

        learned: Learned
        middles: dict[int, int]

    parameters: Parameters

    def on_start(self) -> None:
        """Begin with equal weights; one instrument, because the experts are those of one market."""
        if len(self.instruments) != 1:
            raise ValueError(f"EnsembleTaker: expected one instrument, was {len(self.instruments)}")
        chosen = self.parameters
        self.ensemble = Ensemble(EXPERTS, exposure=Exposure(chosen.trust_low, chosen.trust_high))
        self.signed = self.whole = 0.0
        self.middles: dict[int, int] = {}  # by the time of each open prediction
        self.exposure = 0.0

    def save(self) -> State:
        """What was learned."""
        return self.State(self.ensemble.save(), self.middles)

    def load(self, state: State) -> None:
        """Go on with it."""
        self.ensemble.load(state.learned)
        self.middles = state.middles

    def on_print(self, print_: Print) -> None:
        """Add a trade between others."""
        self.signed = self.signed * KEEP + print_.side * print_.size
        self.whole = self.whole * KEEP + print_.size

    def on_book(self, book: Book) -> None:
        """Learn from predictions that are over, predict once a horizon, and trade on it."""
        horizon_ns, middle, move = self.parameters.horizon_ms * 1_000_000, book.mid_twice, 0
        for time, before in list(self.middles.items()):
            age_ns = self.now_ns - time
            if 0 <= age_ns < horizon_ns:
                continue
            del self.middles[time]
            if middle == before or not horizon_ns <= age_ns < 2 * horizon_ns:
                self.ensemble.forget(time)  # a price that did not move names no side; one of much later is no answer
                continue
            move = middle - before
            self.ensemble.observe(time, float(middle > before))
        if not self.middles:
            self._predict(book, move)

    def _predict(self, book: Book, move: int) -> None:
        """Predict the middle after the horizon, publish it, and follow it."""
        scores = (
            self.signed / self.whole if self.whole else 0.0,
            book.imbalance,
            float(-1 if move > 0 else move < 0),
        )
        belief = self.ensemble.predict(self.now_ns, [0.5 + self.parameters.lean * one / 2 for one in scores])
        self.middles[self.now_ns] = book.mid_twice
        self.publish_belief(belief)
        instrument = book.instrument
        if self.orders(instrument):
            return
        held = self.position(instrument)
        if held > 0 and belief.probability <= self.parameters.exit:
            self.exit(instrument, self._protective(book, SELL), signal=belief.probability)
        elif held <= 0 and belief.probability >= self.parameters.entry:
            price = self._protective(book, BUY)
            size = exposed(instrument, size_of(instrument, self.parameters.size), belief.exposure)
            if orderable(instrument, size, price):
                self.enter(instrument, BUY, size, price, signal=belief.probability)

    def _protective(self, book: Book, side: int) -> int:
        """The worst price to pay: some steps beyond the best of the other side."""
        instrument = book.instrument
        price = book.best(-side) + side * self.parameters.slip_steps * instrument.price_step
        return price_up(instrument, price) if side == BUY else price_down(instrument, price)
