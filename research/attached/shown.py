"""A table in the form that a notebook asked for: pandas, polars, or numpy's structured array. Times are UTC."""

from typing import Any, Literal

from research.extras import need
from research.lanes import Records

Form = Literal["pandas", "polars", "numpy"]
FORMS: tuple[Form, ...] = ("pandas", "polars", "numpy")


def expect_form(form: str) -> None:
    """Refuse another form."""
    if form not in FORMS:
        raise ValueError(f"to={form!r}: expected one of {', '.join(FORMS)}")


def shown(table: Records, form: Form) -> Any:
    """The table in this form."""
    if form == "numpy":
        return table
    columns = {name: table[name].copy() for name in table.dtype.names or ()}
    return _pandas(columns) if form == "pandas" else _polars(columns)


def _pandas(columns: dict[str, Records]) -> Any:
    frame = need("pandas").DataFrame(columns)
    for name, column in columns.items():
        if column.dtype.kind == "M":
            frame[name] = frame[name].dt.tz_localize("UTC")
    return frame


def _polars(columns: dict[str, Records]) -> Any:
    polars = need("polars")
    frame = polars.DataFrame(columns)
    times = [name for name, column in columns.items() if column.dtype.kind == "M"]
    return frame.with_columns(polars.col(name).dt.replace_time_zone("UTC") for name in times)
