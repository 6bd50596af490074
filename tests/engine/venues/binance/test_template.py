"""Requests filled in C against Python's own formatting."""

import random

import pytest

from engine.model.fixed import INT64_MAX, to_text
from engine.venues.binance.trading.template import Template


def test_every_hole_is_filled_as_python_would() -> None:
    """A digit more or less in a price is another order."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    random_ = random.Random(seed)
    for _ in range(3_000):
        decimals = random_.randint(0, 20), random_.randint(0, 20)
        template = Template('{"id":$i,"c":"$c","o":"$o","p":"$p","q":"$q","t":$t}', *decimals)
        price, size, time_ms = (
            random_.choice((-1, 1)) * random_.choice((0, 9, 10, random_.getrandbits(random_.randint(1, 63)), INT64_MAX))
            for _ in range(3)
        )
        number, client, old = random_.getrandbits(63), random_.randbytes(16), random_.randbytes(random_.randint(0, 32))
        expected = (
            f'{{"id":{number},"c":"{client.hex()}","o":"{old.hex()}","p":"{to_text(price, decimals[0])}",'
            f'"q":"{to_text(size, decimals[1])}","t":{time_ms}}}'
        )
        assert template.fill(number, client, price, size, time_ms, old) == expected.encode()


def test_the_least_number_keeps_its_digits() -> None:
    """Its negative does not fit 64 bits."""
    assert Template("$p", 2, 0).fill(1, b"", -INT64_MAX - 1, 1, 1) == b"-92233720368547758.08"


@pytest.mark.parametrize(("text", "decimals"), [("$x", 0), ("$p", 41), ("$p", -1)])
def test_a_template_that_cannot_be_filled_is_refused(text: str, decimals: int) -> None:
    """At the start, not at the first order."""
    with pytest.raises(ValueError, match="was"):
        Template(text, decimals, 0)
