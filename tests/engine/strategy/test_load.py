"""A wrong configuration is refused before anything starts, with the place and the value."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from engine.strategy.api.strategy import Strategy, checked_parameters
from engine.strategy.api.units import orderable, price_down, price_of, price_up, size_down, size_for, size_of
from engine.strategy.load import make_strategy, read_strategy_file, strategy_class
from tests.engine.strategy.conftest import BTC

MAKER = "engine.strategy.samples:ImbalanceMaker"


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({}, "missing required field `size`"),
        ({"size": 1, "position_max": "1"}, "Expected `str`, got `int` - at `\\$.size`"),
        ({"size": "1", "position_max": "1", "half_width_steps": 0}, "Expected `int` >= 1 - at `\\$.half_width_steps`"),
        ({"size": "1", "position_max": "1", "half_with": 1}, "unknown parameter `half_with`"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, object], complaint: str) -> None:
    """A typing slip in a parameter must not trade with the default instead."""
    with pytest.raises(ValueError, match=f"ImbalanceMaker: .*{complaint}"):
        make_strategy(MAKER, parameters, (BTC,))


def test_an_unknown_parameter_is_refused_whatever_the_class_declares() -> None:
    """`class Parameters(msgspec.Struct)` without more ignores what it does not know: the default would be traded."""

    class Lenient(Strategy):
        class Parameters(msgspec.Struct):  # type: ignore[override]
            edge: int = 1

    with pytest.raises(ValueError, match=r"unknown parameter `egde`, did you mean edge. expected one of: edge"):
        checked_parameters(Lenient, {"egde": 5})
    assert checked_parameters(Lenient, {"edge": 5}).edge == 5


def test_parameters_that_are_no_struct_are_refused() -> None:
    """They would end the process with an error of a library that the author never called."""

    class Loose(Strategy):
        Parameters = {"edge": 1}  # type: ignore[assignment] # noqa: RUF012

    with pytest.raises(TypeError, match=r"Loose\.Parameters is .*expected `class Parameters\(msgspec\.Struct"):
        checked_parameters(Loose, {})


@pytest.mark.parametrize("name", ["engine.strategy.samples", "engine.strategy.samples:Nothing", "engine.lanes:Lane"])
def test_what_is_no_strategy_is_refused(name: str) -> None:
    """The class is named in a file, by a person."""
    with pytest.raises(ValueError, match="expected module:class of a class"):
        strategy_class(name)


def test_a_file_that_is_no_strategy_file_is_refused(tmp_path: Path) -> None:
    """The text names the file."""
    (tmp_path / "wrong.toml").write_text("class = 3")
    with pytest.raises(ValueError, match=r"wrong\.toml: Expected `str`"):
        read_strategy_file(tmp_path / "wrong.toml")


def test_units_are_exact_and_on_the_venues_steps() -> None:
    """A price off the step is a reject, a size rounded up is money that is not there."""
    assert (price_of(BTC, "1.23"), size_of(BTC, "0.001")) == (123, 100)
    least = replace(BTC, size_min=10, notional_min=1_000)
    assert (size_down(least, 9), size_down(least, 11)) == (0, 11)
    assert (orderable(least, 11, 90), orderable(least, 11, 91)) == (0, 11)
    assert size_for(BTC, "10.00", 123) == 10_00 * 10**5 // 123
    coarse = type(BTC)(1, "v", "S", "A", "B", 2, 5, 5, 10, 10, 10**9, 0)
    assert (price_down(coarse, 123), price_up(coarse, 123), price_up(coarse, 125)) == (120, 125, 125)
    assert size_down(coarse, 129) == 120
