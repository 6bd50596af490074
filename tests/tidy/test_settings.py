"""How properties are tested here."""

from hypothesis import settings


def test_a_property_is_not_judged_by_the_speed_of_the_machine() -> None:
    """Any property fails once in a while on a busy machine that takes longer than hypothesis allows by default."""
    assert settings.default is not None
    assert settings.default.deadline is None
