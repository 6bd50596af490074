"""Prepared packing: the fields that are named, in their places, and zeros everywhere else."""

import pytest

from engine.model.codec import Codec
from engine.model.records import ACCEPTED, ALGORITHM_STATE, ORDER, PARENT, STEP, STEP_CELLS, STEP_CURSORS


def test_prepared_fields_are_in_their_places_and_the_others_are_zero() -> None:
    """A cursor in another field's place makes a producer overwrite what was never read."""
    codec = Codec(ACCEPTED)
    assert codec.unpack(codec.prepare("cursor", "now_ns")(7, 9)) == ACCEPTED.row(cursor=7, epoch=0, now_ns=9)


def test_an_array_may_be_given_in_part() -> None:
    """A step of four inputs leaves the other cursors zero, and an array without a count is given whole."""
    codec = Codec(STEP)
    pack = codec.prepare("now_ns", "inputs", "cursors", "cells", cursors=2, cells=1)
    row = codec.unpack(pack(5, 2, 11, 12, 99))
    assert (row.now_ns, row.work, row.inputs) == (5, 0, 2)
    assert row.cursors == (11, 12, *(0,) * (STEP_CURSORS - 2))
    assert row.cells == (99, *(0,) * (STEP_CELLS - 1))
    state = range(1, ALGORITHM_STATE + 1)
    assert Codec(PARENT).unpack(Codec(PARENT).prepare("state")(*state)).state == tuple(state)


def test_bytes_are_a_field_of_their_own() -> None:
    """Left out, they are as many zeros as the field has bytes."""
    codec = Codec(ORDER)
    row = codec.unpack(codec.prepare("client_id", "price")(b"abc", 3))
    assert (row.client_id.rstrip(b"\0"), row.price, row.error_text.rstrip(b"\0")) == (b"abc", 3, b"")


@pytest.mark.parametrize("names", [("now_ns", "cursor"), ("cursor", "later")])
def test_names_out_of_order_or_unknown_are_refused(names: tuple[str, ...]) -> None:
    """The values are given by place: in another order than the record's, each would be in a wrong field."""
    with pytest.raises(AssertionError, match="accepted"):
        Codec(ACCEPTED).prepare(*names)
