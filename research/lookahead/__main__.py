"""The look-ahead test on the command line.

    python -m research.lookahead mine:Maker --data day.npy --config sweep.toml [--prepare mine:features] [--cuts 32]

The file has `instruments`, and may have `models`, `parameters`, `caps`, `called` and `bars`: the keys of a sweep's file
(docs/research/sweep.md). The exit code is 0 without look-ahead, 1 with it, 2 when nothing could be compared.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from research.experiment import read_toml
from research.lookahead.report import Report
from research.lookahead.start import CUTS, NotTestedError, lookahead
from research.simulate import Constant, Fees, Models
from research.sweep.start import OWN_KEYS

LATENCY_NS = 1_000_000
MODELS = Models(Constant(LATENCY_NS), Constant(LATENCY_NS), Fees.flat("0", "0"))


def main(arguments: list[str] | None = None) -> int:
    """Test and print."""
    parser = argparse.ArgumentParser(
        "python -m research.lookahead", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("strategy", help="module:class; a module beside the configuration, or any other")
    parser.add_argument("--config", type=Path, required=True, help="a file with [[instruments]]")
    parser.add_argument("--data", help="a .npy file of research.simulate.save (default: the key `data` of the file)")
    parser.add_argument("--prepare", help="module:function that makes parameters of events")
    parser.add_argument("--watch", action="append", default=[], help="another file or directory with the period's data")
    parser.add_argument("--cuts", type=int, default=CUTS, help="how many (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        report = _tested(options)
    except (ValueError, OSError, NotTestedError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{report}\n")
    return 0 if report.passed else 1


def _tested(options: argparse.Namespace) -> Report:
    """The report of a test by the command's options."""
    table: dict[str, Any] = {"models": MODELS, **read_toml(options.config, OWN_KEYS)}
    for name in (*OWN_KEYS, "strategy", "mark_ms"):
        table.pop(name, None)
    data = options.data or table.get("data")
    if data is None or "instruments" not in table:
        missing = "data: give --data" if data is None else "[[instruments]]"
        raise ValueError(f"{options.config}: needs {missing}, or the key in the file")
    table.pop("data", None)
    return lookahead(data, options.strategy, prepare=options.prepare, watch=options.watch, cuts=options.cuts, **table)


if __name__ == "__main__":
    sys.exit(main())
