"""Sweeps on the command line.

    python -m research.sweep CONFIG.toml        run a sweep, or what is left of it, with a progress bar
    python -m research.sweep ID                 attach to a sweep: its bar while it runs, then its best trials
    python -m research.sweep ID --stop          end it; the same configuration continues it
    python -m research.sweep                    list the sweeps

Ctrl-C ends a sweep that this command has started; one that it has attached to goes on. docs/research/sweep.md has the
keys of the file.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from research.sweep.attached import Sweep, SweepStoppedError, attach
from research.sweep.options import add_options, given
from research.sweep.start import sweep_file

BEST = 10


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        "python -m research.sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("what", nargs="?", help="a configuration file, or the id of a sweep")
    add_options(made)
    made.add_argument("--detach", action="store_true", help="start the sweep, print its id and return")
    made.add_argument("--stop", action="store_true", help="end the sweep")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0, 1 for an error, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        if options.what is None:
            return ls(options.home)
        if options.what.endswith(".toml"):
            return run(options)
        return follow(attach(options.what, options.home), stop=options.stop)
    except (ValueError, OSError, ImportError, SweepStoppedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def run(options: argparse.Namespace) -> int:
    """Run a file's sweep."""
    started = sweep_file(Path(options.what), **given(options))
    sys.stdout.write(f"{started.id}\n")
    if options.detach:
        return 0
    try:
        started.wait(bar=True)
    except KeyboardInterrupt:
        started.stop()
        sys.stderr.write(f"stopped: python -m research.sweep {options.what} continues it\n")
        return 130
    return summary(started)


def follow(found: Sweep, *, stop: bool) -> int:
    """Attach to a sweep, or end it."""
    if stop:
        found.stop()
    elif found.progress().running:
        found.wait(bar=True)
    return summary(found)


def summary(found: Sweep) -> int:
    """Print the best trials and how many there were."""
    sys.stdout.write(f"{found!r}\n")
    objective = found.study.objective
    for row in found.top(BEST):
        shown = "  ".join(f"{name} {row.figures[name]:.6g}" for name in dict.fromkeys((objective, "pnl", "fills")))
        sys.stdout.write(f"{row.number:>6}  {shown}  {msgspec.json.encode(row.parameters).decode()}\n")
    if (luck := found.luck()) is not None:
        sys.stdout.write(f"{luck}\n")
    failed = [row for row in found.rows() if row.error]
    for row in failed[:BEST]:
        sys.stdout.write(f"{row.number:>6}  failed: {row.error}\n")
    return 0


def ls(home: Path) -> int:
    """A line for each sweep."""
    for one in sorted(home.glob("*/sweep.json")):
        sys.stdout.write(f"{attach(one.parent.name, home)!r}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
