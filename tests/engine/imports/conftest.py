"""Small files of every format, made here, and the history that an import makes of them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.imports.formats.generic import Generic
from engine.imports.formats.layout import Layout
from engine.imports.listing import Listing, parse
from engine.imports.rules import Limits
from engine.imports.run import Format, Options, Result, run
from engine.imports.source import Source
from engine.recorder.store.disk import Disk
from research import history

BTC = "binance:BTCUSDT,price=0.01,size=0.001,id=7"
LATER_NS = 2_000_000_000 * 10**9
START_MS = 1_700_000_000_000  # 2023-11-14T22:13:20Z
LISTING = Listing([parse(BTC)])


class Unflushed(Disk):
    """Leaves the bytes in the page cache: these tests write many files."""

    def sync(self, path: Path) -> None:
        """Do nothing."""


class Imports:
    """Imports into one directory."""

    def __init__(self, place: Path) -> None:
        """Begin without a history."""
        self.place, self.directory = place, place / "history"

    def write(self, name: str, *lines: str) -> Path:
        """A text file."""
        path = self.place / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def run(self, form: Format, *paths: Path, disk: Disk | None = None, **options: Any) -> Result:
        """Import a file."""
        chosen = Options(Limits(), **options)
        return run(Source(*paths), form, self.directory, chosen, LATER_NS, disk=disk or Unflushed())

    def csv(self, shape: str, *lines: str, name: str = "file.csv", **options: Any) -> Result:
        """Import a CSV with our names of columns."""
        interval = options.pop("interval_ns", 60 * 10**9 if shape == "bars" else 0)
        form = Generic(Layout(shape, interval_ns=interval), {}, options.pop("listing", LISTING), parquet=False)
        return self.run(form, self.write(name, *lines), **options)

    def rows(self, kind: str, *columns: str, symbol: str = "") -> list[tuple[Any, ...]]:
        """Columns of the history, exact, in the order of time."""
        batches = history(kind, symbol, columns=columns, directory=self.directory, floats=False)
        return [row for batch in batches for row in zip(*(one.to_pylist() for one in batch.columns), strict=True)]

    def bytes(self) -> dict[str, str]:
        """Each file with the hash of its bytes."""
        found = (path for path in sorted(self.directory.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture
def imports(tmp_path: Path) -> Imports:
    """Imports into a directory of their own."""
    return Imports(tmp_path)


Trades = Callable[..., list[str]]


def trades(first: int, count: int, *, step_ms: int = 100, price: int = 3_000_000) -> list[str]:
    """Lines of trades with a header: numbers from `first` on."""
    rows = (
        f"{START_MS + n * step_ms},{(price + n % 5) / 100:.2f},0.00{n % 9 + 1},{'buy' if n % 2 else 'sell'},{n}"
        for n in range(first, first + count)
    )
    return ["time,price,size,side,id", *rows]
