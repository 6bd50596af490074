"""Variants of a strategy in one pass: each has the result that it has alone."""

from typing import Any

import numpy as np
import pytest

from engine.strategy import BUY, SELL, Strategy
from research.simulate import Constant, Drawn, Fees, Models, Queue, Result, simulate, simulate_many
from research.simulate.samples import Quoter, Taker
from tests.research.simulate.tapes import BTC, ETH, Script, Scripted, Timed, capital, models, tape
from tests.research.simulate.test_rules import MODELS
from tests.research.simulate.test_rules import events as small

INSTRUMENTS = [BTC, ETH]


def parameters(seed: int) -> dict[str, Any]:
    """A script of its own for each variant."""
    return {"script": Script(seed, (BTC, ETH)), "log": []}


def equal(one: Result, other: Result) -> bool:
    """Whether two results are equal to the byte."""
    tables = [(getattr(one, name), getattr(other, name)) for name in ("fills", "orders", "marks")]
    tables += [(one.equity(each.id), other.equity(each.id)) for each in INSTRUMENTS]
    names = ("refused", "late_cancels", "in_flight", "balances")
    counts = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(a.tobytes() == b.tobytes() for a, b in tables) and all(a == b for a, b in counts)


@pytest.mark.parametrize("seed", [1, 2, 5, 6])
def test_each_variant_equals_its_own_run_byte_for_byte(seed: int) -> None:
    """A fill of one variant that another one feels would be a result that no single run can repeat."""
    options: dict[str, Any] = {
        "instruments": INSTRUMENTS, "models": models(seed), "mark_ns": 50,
        "called": "event" if seed % 2 else "message", "caps": {"max_order_size_usd": "0.03"} if seed % 3 else {},
        "capital": capital(seed),
    }  # fmt: skip
    kind = Timed if seed % 5 == 0 else Scripted
    seeds, events = range(100 * seed, 100 * seed + 9), tape(seed, 2_000)
    many = [parameters(one) for one in seeds]
    results = simulate_many(events, kind, many, **options)
    assert sum(len(one.fills) for one in results) > 50
    for one, result, own in zip(seeds, results, many, strict=True):
        alone = parameters(one)
        assert equal(result, simulate(events, kind, parameters=alone, **options)), one
        assert own["log"] == alone["log"], one


def test_compiled_variants_equal_their_own_runs() -> None:
    """The class of a compiled strategy is made with each set of parameters."""
    events = tape(9, 4_000, (BTC,))
    sets = [{"size": size, "every": every} for size in (1, 3, 9) for every in (5, 7, 20)]
    chosen = Models(Drawn([1, 4, 40], 3), Constant(2), Fees.flat("0.0002", "0.0005"), Queue("power"))
    results = simulate_many(events, Quoter, sets, instruments=[BTC], models=chosen, called="event")
    assert sum(len(one.fills) for one in results) > 50
    for one, result in zip(sets, results, strict=True):
        alone = simulate(events, Quoter, parameters=one, instruments=[BTC], models=chosen, called="event")
        assert result.fills.tobytes() == alone.fills.tobytes()
        assert result.orders.tobytes() == alone.orders.tobytes()
    assert len({one.orders.tobytes() for one in results}) == len(sets), "the variants differ"


class Broken(Strategy):
    """Fails at its third book if its parameter is set."""

    class Parameters(Strategy.Parameters, frozen=True):  # type: ignore[name-defined,misc]
        """Whether to fail."""

        fail: bool = False

    def on_start(self) -> None:
        """Count books."""
        self.seen = 0

    def on_book(self, book: Any) -> None:
        """Fail once."""
        self.seen += 1
        if self.parameters.fail and self.seen == 3:
            raise KeyError(book.instrument.symbol)


def test_an_error_names_the_parameters_of_its_variant() -> None:
    """With 64 variants, the event alone does not say which one failed."""
    sets = [{}, {}, {"fail": True}, {}]
    with pytest.raises(KeyError) as caught:
        simulate_many(tape(3, 300, (BTC,)), Broken, sets, instruments=[BTC], models=models(3))
    assert ", of the parameters 2" in caught.value.__notes__[0]


def test_what_has_one_run_is_refused() -> None:
    """An object of a strategy would carry the state of one variant into the next."""
    events, options = tape(3, 300, (BTC,)), {"instruments": [BTC], "models": models(3)}
    with pytest.raises(TypeError, match="found an object, which has one run"):
        simulate_many(events, Taker(1, 3, 10), [{}], **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="found none, expected at least one mapping"):
        simulate_many(events, Taker, [], **options)
    taker = Taker(1, 3, 10)
    simulate(events, taker, **options)
    with pytest.raises(ValueError, match="has had its run"):
        simulate(events, taker, **options)


def test_two_variants_take_the_same_level() -> None:
    """Each has the book of the data to itself: the fills of all variants together may exceed what was there."""

    class Once(Strategy):
        def on_start(self) -> None:
            self.done = False

        def on_book(self, book: Any) -> None:
            if not self.done:
                self.done = True
                self.enter(book.instrument, BUY, 4, book.best(SELL))

    results = simulate_many(small(), Once, [{}, {}, {}], instruments=[BTC], models=MODELS)
    assert results[0].fills["size"].tolist() == [4]
    assert all(np.array_equal(one.fills, results[0].fills) for one in results)
