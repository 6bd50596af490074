"""Text in a record's field: readers give the field as it is, filled up with zero bytes."""

VENUE_ID = 40  # bytes of a venue's own id of an order or a fill: a UUID in text has 36


def bare(field: bytes) -> bytes:
    """The field's bytes without padding."""
    return field.rstrip(b"\0")


def shown(field: bytes) -> str:
    """The field as text, for people."""
    return field.rstrip(b"\0").decode(errors="replace")
