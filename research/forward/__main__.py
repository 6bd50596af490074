"""Walk-forward on the command line.

    python -m research.forward CONFIG.toml [--out walk.html] [--json]

Chooses parameters on one part of the past, judges them on the part that follows, and so on; prints a line for each fold
and writes the page. The same command continues a walk that was stopped. Ctrl-C ends the sweep that runs.
docs/research/walk-forward.md has the keys of the file.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from research.forward.page import write
from research.forward.summary import summary_of
from research.forward.walk import walk_file
from research.sweep import Sweep, SweepStoppedError
from research.sweep.options import add_options, given


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        "python -m research.forward", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("file", type=Path, help="a configuration file")
    add_options(made)
    made.add_argument("--out", type=Path, help="the page (default: the file's name with .html, in this directory)")
    made.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run a walk, or what is left of it; 0, 1 for an error, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    out = options.out or Path(options.file.stem + ".html")
    if not out.parent.is_dir():
        sys.stderr.write(f"--out {out}: the directory {out.parent} does not exist: create it first\n")
        return 1
    if out.is_dir():
        sys.stderr.write(f"--out {out}: is a directory: name a file in it\n")
        return 1
    try:
        walk = walk_file(options.file, watch=follow(bar=not options.json), **given(options))
        page = write(out, walk)
    except KeyboardInterrupt:
        sys.stderr.write(f"stopped: python -m research.forward {options.file} continues it\n")
        return 130
    except (ValueError, OSError, ImportError, SweepStoppedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    tree = {**summary_of(walk), "page": str(page)}
    sys.stdout.write(msgspec.json.encode(tree).decode() + "\n" if options.json else shown(tree))
    return 0


def follow(*, bar: bool) -> Any:
    """Shows each sweep on the error output, and with `bar` its progress until it ends."""

    def watch(text: str, sweep: Sweep) -> None:
        sys.stderr.write(f"{text}, {sweep.study.count} trials, sweep {sweep.id}\n")
        sys.stderr.flush()
        if bar:
            sweep.wait(bar=True)

    return watch


def shown(tree: dict[str, Any]) -> str:
    """The folds and the whole, as text."""
    whole, currency = tree["whole"], tree["currency"]
    lines = [_line(place + 1, one, currency) for place, one in enumerate(tree["folds"])]
    rates = f"{whole['pnl_per_day_in_sample']:.6g} in sample, {whole['pnl_per_day_out_of_sample']:.6g} out of sample"
    lines.append(f"out of sample: profit {whole['pnl']:.6g} {currency}, {whole['fills']} fills, "
                 f"{whole['in_profit']} of {len(lines)} folds in profit")  # fmt: skip
    lines.append(f"profit a day: {rates}; efficiency {_ratio(whole['efficiency'])}")
    return "\n".join([*lines, tree["page"], ""])


def _line(number: int, one: dict[str, Any], currency: str) -> str:
    """A fold."""
    inside, outside = one["in_sample"]["pnl_per_day"], one["out_of_sample"]["pnl_per_day"]
    parameters = msgspec.json.encode(one["parameters"]).decode()
    luck = _ratio((one["luck"] or {}).get("deflated_sharpe"))
    return (
        f"{number:>4}  {one['split']}  {parameters}  {currency} a day {inside:.6g} in sample, {outside:.6g} out of "
        f"sample, efficiency {_ratio(one['efficiency'])}, deflated Sharpe {luck}"
    )


def _ratio(value: float | None) -> str:
    """A ratio, or that it has none."""
    return "not defined" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
