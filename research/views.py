"""What the columns of a history are shown as: exact values, or floats and times.

Each shown column is made from one or more recorded ones, by one rule that is written twice: for Arrow and for SQL.
Tests compare the two.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine.model.records import FEE_DECIMALS
from research.lanes import DURATIONS, FEES, HALF, PRICES, SIZES

if TYPE_CHECKING:
    import pyarrow as pa

BAR_PRICES = frozenset({"open", "high", "low", "close", "first_print_price", "last_print_price"})
WIDE = {"volume": "size", "bought": "size", "late": "size", "notional": "both"}  # 128 bits in two columns
DECIMALS = ("price_decimals", "size_decimals")
WORD_BYTES = 4


class Column(NamedTuple):
    """A shown column: how it is made, from which recorded ones."""

    name: str
    rule: str  # plain, price, size, fee, time, wide_size, wide_both
    sources: tuple[str, ...]


class View:
    """The shown columns of a kind."""

    def __init__(self, columns: Sequence[Column], width: int) -> None:
        """Use `of`."""
        self.columns, self.width = tuple(columns), width
        self.sources = tuple(dict.fromkeys(name for one in columns for name in one.sources))

    @classmethod
    def of(cls, schema: "pa.Schema", names: Sequence[str], *, floats: bool) -> "View":
        """Choose columns of a schema by name; ValueError for one that it does not have."""
        every = {one.name: one for one in (_floats if floats else _plain)(schema)}
        for name in names:
            if name not in every:
                raise ValueError(f"column {name!r}: expected one of {', '.join(every)}")
        chosen = [every[name] for name in names or every]
        return cls(chosen, max(1, sum(_width(schema.field(one.sources[0]).type) for one in chosen)))

    def convert(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """Show a batch."""
        import pyarrow as pa  # noqa: PLC0415 - an extra

        arrays = [RULES[one.rule](batch, one) for one in self.columns]
        return pa.RecordBatch.from_arrays(arrays, names=[one.name for one in self.columns])

    def sql(self, paths: Sequence[str], conditions: Sequence[str]) -> str:
        """Show files, as a query of DuckDB."""
        shown = ", ".join(f'{_expression(one)} as "{one.name}"' for one in self.columns)
        quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        files = f"read_parquet([{quoted}], hive_partitioning=false, union_by_name=true)"
        return f"select {shown} from {files} where {' and '.join(conditions)}"  # noqa: S608 - names of our own columns


def _plain(schema: "pa.Schema") -> list[Column]:
    return [Column(one.name, "plain", (one.name,)) for one in schema]


def _floats(schema: "pa.Schema") -> list[Column]:
    """Floats and times; without the decimals, which these no longer need."""
    names = set(schema.names)
    scaled = set(DECIMALS) <= names
    found = [_column(name, names, scaled=scaled) for name in schema.names]
    return [one for one in found if one is not None]


def _column(name: str, names: set[str], *, scaled: bool) -> Column | None:
    base, _, half = name.rpartition("_")
    if scaled and name in DECIMALS:
        return None
    if scaled and base in WIDE and {f"{base}_high", f"{base}_low"} <= names:
        return (
            Column(base, f"wide_{WIDE[base]}", (f"{base}_high", f"{base}_low", *DECIMALS)) if half == "high" else None
        )
    if scaled and (name in PRICES or (name in BAR_PRICES and "interval_ns" in names)):
        return Column(name, "price", (name, "price_decimals"))
    if scaled and name in SIZES:
        return Column(name, "size", (name, "size_decimals"))
    if name in FEES:
        return Column(name, "fee", (name,))
    return Column(name, "time" if name.endswith("_ns") and not name.startswith(DURATIONS) else "plain", (name,))


def _width(of: Any) -> int:
    """The bytes of a value."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    if pa.types.is_dictionary(of):
        return WORD_BYTES
    if pa.types.is_fixed_size_list(of):
        return int(of.list_size) * int(of.value_type.bit_width) // 8
    return int(of.bit_width) // 8


def _unit(batch: "pa.RecordBatch", name: str) -> Any:
    """Ten to the power of each row's decimals; one number where they are all the same."""
    decimals = _numbers(batch, name)
    if len(decimals) and (decimals == decimals[0]).all():
        return 10.0 ** int(decimals[0])
    return np.power(10.0, decimals)


def _numbers(batch: "pa.RecordBatch", name: str) -> "np.ndarray[Any, np.dtype[Any]]":
    return np.asarray(batch.column(name).to_numpy(zero_copy_only=False))


def _scaled(batch: "pa.RecordBatch", one: Column) -> Any:
    """A number, or a list of numbers, over its unit."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    column, unit = batch.column(one.name), _unit(batch, one.sources[1])
    if not pa.types.is_fixed_size_list(column.type):
        return pa.array(_numbers(batch, one.name) / unit)
    count = column.type.list_size
    values = column.flatten().to_numpy(zero_copy_only=False)
    return pa.FixedSizeListArray.from_arrays(pa.array(values / np.repeat(unit, count if np.ndim(unit) else 1)), count)


def _fee(batch: "pa.RecordBatch", one: Column) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    return pa.array(_numbers(batch, one.name) / 10.0**FEE_DECIMALS)


def _time(batch: "pa.RecordBatch", one: Column) -> Any:
    """A time of 0 is no time."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    values = _numbers(batch, one.name)
    return pa.array(values, pa.timestamp("ns", "UTC"), mask=values == 0)


def _wide(batch: "pa.RecordBatch", one: Column) -> Any:
    """A number of 128 bits over its unit."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    high, low = (_numbers(batch, name).astype("f8") for name in one.sources[:2])
    unit = _unit(batch, "size_decimals") * (_unit(batch, "price_decimals") if one.rule == "wide_both" else 1.0)
    return pa.array((high * HALF + low) / unit)


RULES: dict[str, Callable[["pa.RecordBatch", Column], Any]] = {
    "plain": lambda batch, one: batch.column(one.name),
    "price": _scaled, "size": _scaled, "fee": _fee, "time": _time, "wide_size": _wide, "wide_both": _wide,
}  # fmt: skip


def _expression(one: Column) -> str:
    """The rule in SQL."""
    if one.rule in ("price", "size"):
        unit = f"pow(10.0::double, {one.sources[1]})"
        lists = one.name.startswith(("bid_", "ask_"))
        return f'list_transform("{one.name}", lambda x: x / {unit})' if lists else f'"{one.name}" / {unit}'
    if one.rule == "fee":
        return f'"{one.name}" / {10.0**FEE_DECIMALS}::double'
    if one.rule == "time":
        return f'make_timestamp_ns(nullif("{one.name}", 0))'
    if one.rule.startswith("wide"):
        decimals = "size_decimals" if one.rule == "wide_size" else "price_decimals + size_decimals"
        high, low = one.sources[:2]
        return f'("{high}"::double * {HALF}::double + "{low}"::double) / pow(10.0::double, {decimals})'
    return f'"{one.name}"'
