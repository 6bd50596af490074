"""`engine-ctl top`: the system on an interactive terminal; once into a file or a pipe."""

import argparse
import sys
import time

from engine.cli import CommandError
from engine.cli.output import choose_system, print_line, print_table
from engine.monitor.budgets import budgets_of
from engine.monitor.figures import Figures
from engine.monitor.meters import read_meters
from engine.view import pages

ONCE_S = 1.0  # a rate needs two readings


def top(options: argparse.Namespace) -> int:
    """Run until `q` or ^C; without a terminal print every page once."""
    system = choose_system(options.system)
    if options.once or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _print_once(system)
        return 0
    try:
        from engine.view.top import Top  # noqa: PLC0415 - an extra
    except ImportError:
        hint = "pip install 'steelyard[top]'; engine-ctl view and top --once need none"
        raise CommandError(f"top needs the package textual: {hint}") from None
    Top(system).run()
    return 0


def _print_once(system: str) -> None:
    """Every page but the first, which `engine-ctl view --once` prints."""
    figures = Figures(system)
    for pause_s in (0.0, ONCE_S):
        time.sleep(pause_s)
        figures.poll()
    age_ns = pages.age_ns(figures)
    print_line(f"{system}: {'no heartbeat' if age_ns is None else f'{age_ns / 1e9:.1f} s old'}")
    meters = read_meters(system)
    for columns, rows in (
        pages.limits(figures), pages.roles(figures, meters), pages.hops(meters, budgets_of(system)),
        pages.orders(figures),
    ):  # fmt: skip
        print_line()
        print_table(columns, rows)
