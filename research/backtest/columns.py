"""The columns of any table (pandas, polars, pyarrow, numpy, a dict of arrays), checked: no NaN, no guessed unit.

    frame = Frame(df)
    frame.kind, frame.times("time"), frame.fixed("price", decimals)

An error names the column, the row (counted from 0), what was found and what was expected.
"""

from typing import Any

import numpy as np

from engine.config.nearest import did_you_mean

Column = np.ndarray[Any, np.dtype[Any]]
BARS = ("time", "open", "high", "low", "close", "volume")
TICKS = ("time", "price", "size", "side")
TICKS_MAY = ("receive_time", "trade_id")
BEST = ("bid_price_1", "bid_size_1", "ask_price_1", "ask_size_1")
BOOKS, BOOKS_MAY = ("time", *BEST), ("receive_time",)
NS_LEAST, NS_MOST = 10**17, (1 << 63) - 1  # 1973: a smaller number counts seconds, milliseconds or microseconds
INT_MOST = 1 << 61
ROUNDING = 1e-6  # of a unit: what a float may be away from the number that it was written as
SIDES = {"buy": 1, "sell": -1, "bid": 1, "ask": -1, "b": 1, "s": -1, "1": 1, "-1": -1}


class Frame:
    """One table of market data."""

    def __init__(self, table: Any) -> None:
        """Read the names of the columns, and which kind of data they are."""
        self._columns = _columns_of(table)
        self.depth = 0  # levels of each side, of a table of books
        self.kind = self._kind_of()
        self.rows = len(self._columns[self._names[0]])
        if not self.rows:
            raise ValueError(f"df: found no row, expected {self.kind}")

    @property
    def _names(self) -> list[str]:
        return list(self._columns)

    def has(self, name: str) -> bool:
        """Whether the table has a column."""
        return name in self._columns

    def _kind_of(self) -> str:
        """The kind of data; an unknown or a missing column is named."""
        levels = [name for name in self._names if name.rpartition("_")[0] in {best[:-2] for best in BEST}]
        self.depth = max((int(name.rpartition("_")[2]) for name in levels if name[-1].isdecimal()), default=0)
        kinds = {
            "bars": (BARS, ()),
            "books": (BOOKS, (*BOOKS_MAY, *self._level_names())),
            "ticks": (TICKS, TICKS_MAY),
        }
        near = {name: sum(one in self._columns for one in must) for name, (must, _) in kinds.items()}
        kind = max(near, key=lambda name: near[name])
        must, may = kinds[kind]
        self._check_names(kind, must, may)
        return kind

    def _level_names(self) -> list[str]:
        """The columns of every level up to the deepest."""
        return [f"{best[:-1]}{level}" for level in range(1, self.depth + 1) for best in BEST]

    def _check_names(self, kind: str, must: tuple[str, ...], may: tuple[str, ...]) -> None:
        """Refuse a column that would be left out in silence, and a table that lacks one."""
        known = dict.fromkeys((*must, *may))
        for name in self._names:
            if name not in known:
                hint = did_you_mean(name.lower(), known)
                msg = f"df: unknown column {name!r}, {hint}{kind} have {', '.join(known)}: rename it or leave it out"
                raise ValueError(msg)
        needed = (*must, *(self._level_names() if kind == "books" else ()))
        for name in needed:
            if name not in self._columns:
                raise ValueError(f"df: no column {name!r}; {kind} need {', '.join(needed)}, found {', '.join(known)}")

    def times(self, name: str) -> Column:
        """A column of times as nanoseconds since 1970, in their order."""
        found = _nanoseconds(self._columns[name], name)
        self._refuse(name, (found < NS_LEAST), found, "nanoseconds since 1970, or datetimes")
        self._refuse(name, np.diff(found, prepend=found[:1]) < 0, found, "rows in the order of their time: sort them")
        return found

    def unique_times(self, name: str) -> Column:
        """The same, each once."""
        found = self.times(name)
        again = np.append(False, np.diff(found) == 0)
        self._refuse(name, again, found, "one row for each time: the row before has the same")
        return found

    def fixed(self, name: str, decimals: int, step: int, least: int = 0) -> Column:
        """A column of numbers as whole multiples of the instrument's step, in its decimals."""
        values = self._numbers(name)
        scaled = values * 10.0**decimals
        with np.errstate(invalid="ignore"):
            self._refuse(name, ~np.isfinite(values), values, "a number")
            self._refuse(name, ~(np.abs(scaled) < INT_MOST), values, f"a number below {INT_MOST / 10**decimals:g}")
            whole = np.rint(scaled)
            off = np.abs(scaled - whole) > np.maximum(ROUNDING, np.abs(whole) * 1e-12)
        found = whole.astype(np.int64)
        self._refuse(name, off | (found % step != 0), values, f"a multiple of {step / 10**decimals:g}, the step")
        self._refuse(name, found < least, values, f"at least {least / 10**decimals:g}")
        return found

    def sides(self, name: str) -> Column:
        """A column of sides as 1 and -1: "buy" and "sell" of the aggressor, or the numbers themselves."""
        words = np.char.lower(np.asarray(self._columns[name]).astype("U8"))
        found = np.zeros(len(words), np.int8)
        for word, side in SIDES.items():
            found[words == word] = side
        self._refuse(name, found == 0, words, '"buy" or "sell" (of the aggressor), or 1 and -1')
        return found

    def refuse_repeated(self, name: str) -> None:
        """Refuse a row whose value another row has."""
        column = np.asarray(self._columns[name])
        first = np.unique(column, return_index=True)[1]
        again = np.ones(len(column), bool)
        again[first] = False
        self._refuse(name, again, column, "each once: an earlier row has the same")

    def _numbers(self, name: str) -> Column:
        """A column as floats."""
        try:
            return np.asarray(self._columns[name], np.float64)
        except (TypeError, ValueError):
            found = np.asarray(self._columns[name]).dtype
            raise TypeError(f"df: column {name!r} has values of {found}, expected numbers") from None

    def _refuse(self, name: str, wrong: Any, values: Any, expected: str) -> None:
        """Name the first wrong row."""
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"df: row {row} has {name} {values[row]}, expected {expected}")


def _columns_of(table: Any) -> dict[str, Any]:
    """The columns of a table, by name; a time index of pandas is the column `time`."""
    names = getattr(getattr(table, "dtype", None), "names", None)
    if names is None and hasattr(table, "column_names"):  # pyarrow
        found = {str(name): table.column(name).to_numpy() for name in table.column_names}
    elif names is None and hasattr(table, "keys"):
        found = {str(name): _array(table[name]) for name in table.keys()}  # noqa: SIM118 - pandas iterates over names too
    elif names is None and hasattr(table, "columns"):  # polars
        found = {str(name): table[name].to_numpy() for name in table.columns}
    elif names is not None:
        found = {name: table[name] for name in names}
    else:
        msg = f"df: found {type(table).__name__}, expected a DataFrame of pandas or polars, a pyarrow Table, "
        raise TypeError(f"{msg}a structured numpy array, or a dict of columns")
    index = getattr(table, "index", None)
    if "time" not in found and getattr(getattr(index, "dtype", None), "kind", "") == "M":
        found["time"] = _array(index)
    if not found:
        raise ValueError("df: found no column")
    for name, column in found.items():
        if np.ma.is_masked(column):
            row = int(np.argmax(np.ma.getmaskarray(column)))
            raise ValueError(f"df: row {row} has no {name}: it is masked, expected a value in each row")
    if len({len(column) for column in found.values()}) > 1:
        lengths = ", ".join(f"{name} {len(column)}" for name, column in found.items())
        raise ValueError(f"df: columns of different length ({lengths})")
    return found


def _array(column: Any) -> Any:
    """A column as an array; times of a zone as those of UTC."""
    if np.ma.isMaskedArray(column):
        return column
    if getattr(getattr(column, "dtype", None), "tz", None) is not None:
        return column.to_numpy("M8[ns]")
    return np.asarray(column)


def _nanoseconds(column: Any, name: str) -> Column:
    """Times as whole nanoseconds."""
    values = np.asarray(column)
    if values.dtype.kind == "M":
        missing = np.isnat(values)
        if missing.any():
            raise ValueError(f"df: row {int(np.argmax(missing))} has {name} NaT, expected a time")
        return values.astype("M8[ns]").astype(np.int64)
    if values.dtype.kind not in "iu":
        raise TypeError(f"df: column {name!r} has values of {values.dtype}, expected datetimes, or whole nanoseconds")
    return values.astype(np.int64)
