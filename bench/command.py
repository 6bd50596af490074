"""The command line that the programs of this folder share: their options, and how their figures are printed."""

import argparse
import json
from collections.abc import Callable
from typing import Any


def parser_of(name: str, text: str | None, quick: str) -> argparse.ArgumentParser:
    """The parser of `python -m bench.NAME` with `--json` and `--quick`, to which further options are added."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=text, formatter_class=raw)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser


def output(found: dict[str, Any], options: argparse.Namespace, show: Callable[[dict[str, Any]], object]) -> None:
    """Print the figures: as one JSON object if that was asked for, else as `show` prints them."""
    if options.json:
        print(json.dumps(found))
    else:
        show(found)
