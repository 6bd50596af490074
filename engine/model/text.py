"""Text and words in a record's fields, for people: readers give a field as it is, text filled up with zero bytes."""

from enum import IntEnum

VENUE_ID = 40  # bytes of a venue's own id of an order or a fill: a UUID in text has 36


def bare(field: bytes) -> bytes:
    """The field's bytes without padding."""
    return field.rstrip(b"\0")


def shown(field: bytes) -> str:
    """The field as text, for people."""
    return field.rstrip(b"\0").decode(errors="replace")


def word(kind: type[IntEnum], value: int) -> str:
    """A number's word; the number as text when this version does not know it."""
    return kind(value).name if value in set(kind) else str(value)
