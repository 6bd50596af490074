"""The options that every command which runs sweeps has."""

import argparse
from pathlib import Path
from typing import Any

from research.sweep.study import default_home


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how a sweep runs and where it is kept."""
    parser.add_argument("--workers", type=int, help="passes over the data at once (default: one a core)")
    parser.add_argument(
        "--variants", type=int, help="trials in one pass (default: several if the strategy is compiled)"
    )
    parser.add_argument("--cluster", help="the address of a Dask scheduler, in place of this machine's cores")
    parser.add_argument(
        "--home", type=Path, default=default_home(), help="where sweeps are kept (default: %(default)s)"
    )


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, as the arguments of `sweep_file` and `walk_file`."""
    names = ("workers", "variants", "cluster", "home")
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}
