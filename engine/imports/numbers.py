"""Columns of text as exact whole numbers: prices, sizes, ids and times, without a float on the way.

A column is cast by Arrow to a decimal number of 128 bits, which refuses to lose a digit. Only a column in which one
value fails is read again value by value, to find which ones and why.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array = np.ndarray[Any, np.dtype[Any]]
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
DIGITS = 38  # of a decimal of 128 bits
PRECISION = 80  # of Decimal here: no number that passes NUMBER and fits is rounded
UNITS = {"s": 9, "ms": 6, "us": 3, "ns": 0}  # decimals of each unit down to nanoseconds
NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds", "iso": "date and time"}
FIRST_NS, AFTER_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9  # the years 2000 to 2099
HALF = 1 << 63


def words(text: pa.Array, decimals: int) -> tuple[Array, Array, Array]:
    """Return the low and the high 64 bits of each number, and which ones are no number or lose a digit."""
    try:
        exact = text.cast(pa.decimal128(DIGITS, decimals))
    except pa.ArrowInvalid:
        return _one_by_one(text, decimals)
    pairs = np.frombuffer(exact.buffers()[1], "<i8").reshape(-1, 2)[exact.offset : exact.offset + len(exact)]
    bad = exact.is_null().to_numpy(zero_copy_only=False)
    return np.where(bad, 0, pairs[:, 0]), np.where(bad, 0, pairs[:, 1]), bad


def fixed(text: pa.Array, decimals: int) -> tuple[Array, Array]:
    """Return each number at these decimals as int64, and which ones cannot be."""
    low, high, bad = words(text, decimals)
    bad = bad | (high != (low >> 63)) | (low == -HALF)
    return np.where(bad, 0, low), bad


def reason(text: str | None, decimals: int) -> str:
    """Why a text is no number of 64 bits at these decimals."""
    if text is None or not text.strip():
        return "is empty"
    if not NUMBER.fullmatch(text):
        return "is no number"
    return "does not fit 64 bits" if _exact(text, decimals) is not None else f"has more than {decimals} decimals"


def unit_of(text: str) -> str:
    """The unit of a time since 1970 by its size: "" for a text that is none. The units' ranges do not meet."""
    if not NUMBER.fullmatch(text):
        return "iso" if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else ""
    found = ((unit, _exact(text, digits)) for unit, digits in UNITS.items())
    return next((unit for unit, ns in found if ns is not None and FIRST_NS <= ns < AFTER_NS), "")


def times(text: pa.Array, unit: str) -> tuple[Array, Array]:
    """Return times in nanoseconds since 1970, and which texts are no time of this unit in the years 2000 to 2099."""
    ns, bad = _moments(text) if unit == "iso" else fixed(text, UNITS[unit])
    return ns, bad | (ns < FIRST_NS) | (ns >= AFTER_NS)


def time_reason(text: str | None, unit: str) -> str:
    """Why a text is no time of this unit."""
    found = unit_of(text or "")
    if found == unit:
        return "is finer than a nanosecond"
    if not found:
        return f"is no time in {NAMES[unit]} in the years 2000 to 2099"
    return f"is a time in {NAMES[found]}, expected {NAMES[unit]}: the unit of time is wrong (--time-unit {found})"


def shown(ns: int) -> str:
    """A time as text in UTC, to the nanosecond."""
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09}Z"


def _moments(text: pa.Array) -> tuple[Array, Array]:
    """Dates and times as text, in UTC."""
    plain = pc.replace_substring_regex(text, r"(Z|[+-]00:?00| UTC)$", "")
    good = pc.match_substring_regex(plain, r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?$")
    try:
        ns = pc.if_else(good, plain, None).cast(pa.timestamp("ns"))
    except pa.ArrowInvalid:  # a text such as 2024-13-01 looks like a date and is none
        ns = pa.array([_moment(one) for one in plain.to_pylist()], pa.timestamp("ns"))
    bad = ns.is_null().to_numpy(zero_copy_only=False)
    return pc.fill_null(ns.cast(pa.int64()), 0).to_numpy(zero_copy_only=False), bad


def _moment(text: str | None) -> Any:
    try:
        return pa.scalar(text).cast(pa.timestamp("ns")).value
    except pa.ArrowInvalid:
        return None


def _one_by_one(text: pa.Array, decimals: int) -> tuple[Array, Array, Array]:
    found = [_exact(one, decimals) for one in text.to_pylist()]
    bad = np.array([one is None or not -(1 << 127) < one < 1 << 127 for one in found], bool)
    kept = [0 if wrong else one or 0 for one, wrong in zip(found, bad.tolist(), strict=True)]
    low = np.array([one & (1 << 64) - 1 for one in kept], "u8").view("i8")
    return low, np.array([one >> 64 for one in kept], "i8"), bad


def _exact(text: str | None, decimals: int) -> int | None:
    """A number as a whole one at these decimals; None for one that is none, or finer."""
    if text is None or not NUMBER.fullmatch(text):
        return None
    with localcontext() as context:
        context.prec = PRECISION
        value = Decimal(text).scaleb(decimals)
        if value.adjusted() > DIGITS + 2:
            return None
        return int(value) if value == value.to_integral_value() else None
