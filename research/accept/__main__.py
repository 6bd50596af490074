"""Judge a run by thresholds.

    python -m research.accept SUMMARY THRESHOLDS --out maker.accepted.json

SUMMARY is the JSON that `research.performance.summary_of(one).save(path)` writes, THRESHOLDS a TOML file with a table
[accept]. Exit code 0 accepted, 1 rejected, 2 wrong use. A rejected strategy's file is written too, so that live mode
refuses it by name.
"""

import argparse
import sys
from pathlib import Path

import orjson

from research.accept.judge import judge, write
from research.accept.thresholds import read_thresholds
from research.performance.summary import load


def main(arguments: list[str] | None = None) -> int:
    """Judge, print a row for each threshold, and write the verdict."""
    head, _, rest = (__doc__ or "").split("\n\n", 2)
    parser = argparse.ArgumentParser(prog="python -m research.accept", description=f"{head} {rest}")
    parser.add_argument("summary", type=Path)
    parser.add_argument("thresholds", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the verdict; `accepted` of a strategy names it")
    text = "a test's result: a JSON file whose `passed` is true or false, several times"
    parser.add_argument("--evidence", action="append", default=[], metavar="NAME=FILE", help=text)
    options = parser.parse_args(arguments)
    try:
        evidence = dict(_evidence(one) for one in options.evidence)
        verdict = judge(load(options.summary), read_thresholds(options.thresholds), evidence)
    except ValueError as error:
        parser.error(str(error))
    for row in verdict.rows:
        print("holds " if row.holds else "FAILS ", row.name + ":", row.text)  # noqa: T201 - the command's output
    write(options.out, verdict)
    print(f"{verdict.verdict}: {options.out}")  # noqa: T201
    return 0 if verdict.verdict == "accepted" else 1


def _evidence(text: str) -> tuple[str, bool]:
    """NAME=FILE as the name and what the file says."""
    name, equals, file = text.partition("=")
    if not name or not equals:
        raise ValueError(f"--evidence {text}: expected NAME=FILE")
    try:
        found = orjson.loads(Path(file).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ValueError(f"--evidence {text}: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("passed"), bool):
        raise ValueError(  # noqa: TRY004 - the file is wrong
            f"--evidence {text}: expected a JSON object with `passed`, true or false"
        )
    return name, found["passed"]


if __name__ == "__main__":
    sys.exit(main())
