"""CSV and Parquet of any origin, with a mapping of columns: `--data trades --columns time=ts,price=px,size=qty`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from engine.imports.errors import ImportRefusedError
from engine.imports.formats.layout import Layout, described, read_tables
from engine.imports.listing import Listing
from engine.imports.report import Refusals, Report
from engine.imports.shapes import NEEDED, OPTIONAL, Rows, check_columns
from engine.imports.source import Source
from engine.imports.tables import columns_of, first_line, read_csv, read_parquet, renamed


class Generic:
    """Files whose columns the user names; a column that has our name needs no mapping."""

    complete = snapshots_join = False

    def __init__(
        self, layout: Layout, columns: Mapping[str, str], listing: Listing, *, parquet: bool,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """`more`: what else the rows depend on, as a query."""
        self._layout, self._columns, self._listing, self._parquet = layout, dict(columns), listing, parquet
        self.options = described(layout, format="parquet" if parquet else "csv", columns=self._columns, **more)

    def read(self, source: Source, refusals: Refusals, report: Report) -> Iterator[list[Rows]]:
        """Read a file."""
        columns = self._mapped(source.path)
        tables = read_parquet(source.path) if self._parquet else read_csv(source.path, refusals)
        yield from read_tables(renamed(tables, columns), self._layout, self._listing, refusals, report)

    def _mapped(self, path: Path) -> dict[str, str]:
        """Where each of our columns is in a file."""
        found = columns_of(path) if self._parquet else first_line(path)
        shape = self._layout.shape
        own = {name: name for name in (*NEEDED[shape], *OPTIONAL[shape]) if name in found}
        columns = own | self._columns
        check_columns(shape, columns, found, path)
        if shape == "bars" and not self._layout.interval_ns and "close_time" not in columns:
            raise ImportRefusedError(f"{path}: bars need --interval (as 1m), or the column close_time")
        return columns
