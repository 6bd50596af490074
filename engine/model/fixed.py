"""Exact numbers: text to int64 fixed point and back. Nothing here passes through a float."""

from decimal import ROUND_CEILING, Decimal

INT64_MAX = 2**63 - 1


def clamped(number: int) -> int:
    """The nearest number that a signed field of 64 bits holds."""
    return max(-INT64_MAX, min(INT64_MAX, number))


def to_fixed(text: str, decimals: int) -> int:
    """Read decimal text at `decimals` places; refuse what would lose a digit or not fit 64 bits."""
    value = Decimal(text).scaleb(decimals)
    number = int(value)
    if number != value:
        msg = f"{text!r} has more than {decimals} decimals"
        raise ValueError(msg)
    if abs(number) > INT64_MAX:
        msg = f"{text!r} at {decimals} decimals does not fit 64 bits"
        raise ValueError(msg)
    return number


def to_fixed_up(text: str, decimals: int) -> int:
    """Read a least size or notional, which may be finer than what it bounds: the next number that can be written."""
    return to_fixed(str(Decimal(text).quantize(Decimal(1).scaleb(-decimals), ROUND_CEILING)), decimals)


def to_text(number: int, decimals: int) -> str:
    """Write a fixed-point number with all its decimals, as venues require it."""
    sign, digits = ("-" if number < 0 else ""), str(abs(number)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"
