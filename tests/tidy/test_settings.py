"""How properties are tested here."""

from hypothesis import settings


def test_a_property_is_not_judged_by_the_speed_of_the_machine() -> None:
    """By default hypothesis fails a property on a busy machine when it exceeds a time limit."""
    assert settings.default is not None
    assert settings.default.deadline is None
