"""Buys when a sealed model is sure that the price rises, and sells when it no longer is: the file decides everything.

    parameters.file    a strategy's file as configs/strategies/btc_momentum.toml: thresholds, model, features, execution

With each closed bar of length `bars` the features are computed, scaled and predicted. From `entry_threshold` on it buys
`position_size_pct` of `capital`; it holds until the probability is at `exit_threshold` or below, and sells. The two
thresholds are a hysteresis. With `order_type` "limit" the order is `limit_offset_bps` beyond the best price of the
other side and rests for `timeout_seconds`; "market" is the same, cancelled at once where it does not fill.

Where a feature is missing, or the prediction is older than two bars, it does nothing: what it holds, it keeps.

Features are `rsi_14`, `macd`, `volume_ratio` and `bb_pct` of the closes and volumes of bars, named as in
docs/indicators.md: the last two have the window `lookback_period`, and carry it in their names unless it is 20. A model
that was trained on bars of another length is refused, as far as its file says. A dollar coin (USDT, USDC, FDUSD) counts
as USD in `asset`. Without its model it does not start.
"""

import functools
import math
from pathlib import Path
from typing import Annotated

import msgspec

from engine.learning import Belief
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, TimeInForce
from engine.strategy.api.book import Book
from engine.strategy.api.rows import Bar
from engine.strategy.api.sizing import fixed_fraction
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import orderable, price_down, price_up
from engine.strategy.inputs import bollinger, macd, rsi, volume_ratio
from engine.strategy.inputs.declaration import length_ns
from engine.strategy.model_file import ModelStrategy, expect_model, read

DOLLARS = ("USD", "USDT", "USDC", "FDUSD")
SECOND_NS = 1_000_000_000
BPS = 10_000
BARS_MOST = 2  # a prediction that is older than so many bars is of another time
WINDOW = 20  # of a feature without a number in its name


def inputs_of(lookback: int) -> dict[str, str]:
    """The declared indicator of each feature, by the feature's name."""
    windowed = {f"{one}_{lookback}": one for one in ("volume_ratio", "bb_pct")}
    plain = {one: one for one in ("volume_ratio", "bb_pct")} if lookback == WINDOW else {}
    return {"rsi_14": "rsi_14", "macd": "macd", **plain, **windowed}


@functools.cache
def described(file: str) -> ModelStrategy:
    """The strategy's file; read once, so that one life has one set of values."""
    return read(Path(file))


class ModelMomentum(Strategy):
    """One instrument, one model."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`capital` is decimal text in the quote currency; `{here}` in `file` is the directory of the system's file."""

        file: str
        capital: str
        bars: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]*[smhd]$")] = "1m"

        def __post_init__(self) -> None:
            """Refuse a file that is missing, wrong, or without its model: here, so that `check` does."""
            try:
                found = described(self.file)
            except OSError as error:
                raise ValueError(f"{self.file}: {error.strerror}: expected a strategy's file with a model") from None
            lookback = found.parameters.lookback_period
            known = inputs_of(lookback)
            if unknown := [one for one in found.ml_model.features if one not in known]:
                computed = f"with lookback_period {lookback} this strategy computes {', '.join(known)}"
                raise ValueError(f"{self.file}: features {', '.join(unknown)}: {computed}")
            trained = expect_model(Path(self.file), found).card.training.get("data", {}).get("interval", self.bars)
            if trained != self.bars:
                raise ValueError(f"{self.file}: its model was trained on bars of {trained}, bars is {self.bars}")

        @property
        def lookback_period(self) -> int:
            """The window of the features without a number of their own."""
            return described(self.file).parameters.lookback_period

    parameters: Parameters
    rsi_14 = rsi(14, bars="bars")
    macd = macd(bars="bars")
    volume_ratio = volume_ratio("lookback_period", bars="bars")
    bb_pct = bollinger("lookback_period", bars="bars", output="bb_pct")

    def on_start(self) -> None:
        """Load the model, and refuse another market than the file's."""
        self.found = described(self.parameters.file)
        if len(self.instruments) != 1:
            raise ValueError(f"{self.found.strategy.name}: expected one instrument, was {len(self.instruments)}")
        (instrument,) = self.instruments.values()
        self._expect(instrument)
        model = expect_model(Path(self.parameters.file), self.found)
        self.predictor = model.predictor
        self.weights = {f"{model.card.name} {model.card.version}": 1.0}
        names = inputs_of(self.parameters.lookback_period)
        self.inputs = [names[one] for one in self.found.ml_model.features]
        self.bar_ns = length_ns(self.parameters.bars)
        self.probability, self.predicted_ns = math.nan, 0

    def on_bar(self, bar: Bar) -> None:
        """Predict with each closed bar; NaN until every feature is there."""
        if bar.interval_ns != self.bar_ns:
            return
        self.predicted_ns = self.now_ns
        row = [getattr(self, name).value for name in self.inputs]
        self.probability = math.nan if any(map(math.isnan, row)) else self.predictor.predict(row)
        sure = max(self.probability, 1 - self.probability)
        self.publish_belief(Belief(self.probability, sure, 0.0 if math.isnan(sure) else 1.0, self.weights))

    def on_bars_lost(self) -> None:
        """The features begin again: nothing is known until they are there."""
        self.probability = math.nan

    def on_book(self, book: Book) -> None:
        """Bring the position to what the model says, one order at a time."""
        instrument, values = book.instrument, self.found.parameters
        is_old = self.now_ns - self.predicted_ns > BARS_MOST * self.bar_ns
        if math.isnan(self.probability) or is_old or self.orders(instrument):
            return
        held = self.position(instrument)
        if held <= 0 and self.probability >= values.entry_threshold:
            price = self._limit(book, BUY)
            share = str(values.position_size_pct)
            self._order(instrument, BUY, fixed_fraction(instrument, self.parameters.capital, share, price), price)
        elif held > 0 and self.probability <= values.exit_threshold:
            self._order(instrument, SELL, held, self._limit(book, SELL))

    def _order(self, instrument: Instrument, side: int, size: int, price: int) -> None:
        """Place an order, unless it is too small for the venue."""
        if not orderable(instrument, size, price):
            return
        execution = self.found.execution
        if execution.order_type == "limit":
            timeout_ns = execution.timeout_seconds * SECOND_NS
            self.place(instrument, side, size, price, timeout_ns=timeout_ns, signal=self.probability)
        else:
            self.place(instrument, side, size, price, time_in_force=TimeInForce.IOC, signal=self.probability)

    def _limit(self, book: Book, side: int) -> int:
        """The worst price to pay: the offset beyond the best of the other side."""
        offset = self.found.execution.limit_offset_bps / BPS
        price = round(book.best(-side) * (1 + side * offset))
        return price_up(book.instrument, price) if side == BUY else price_down(book.instrument, price)

    def _expect(self, instrument: Instrument) -> None:
        """Refuse an instrument of another asset or venue than the file names."""
        about = self.found.strategy
        base, _, quote = about.asset.partition("/")
        same = instrument.quote == quote or (quote == "USD" and instrument.quote in DOLLARS)
        if instrument.base != base or not same or instrument.venue != about.exchange:
            found = f"{instrument.base}/{instrument.quote} at {instrument.venue}"
            raise ValueError(f"{about.name}: trades {about.asset} at {about.exchange}, was given {found}")
