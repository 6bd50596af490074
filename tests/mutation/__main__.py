"""Mutate the product and count what the tests notice: `python -m tests.mutation [AREA | MODULE …] [--json]`."""

import argparse
import json
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import pytest

from tests.mutation.areas import AREAS
from tests.mutation.mutants import Module
from tests.mutation.session import KILLED, NOTICED, ROOT, MutationPlugin, Verdict

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
EQUAL = "equivalent"
Key = tuple[str, ...]


def equivalents() -> dict[Key, str]:
    """The mutants that change nothing a caller can see, with the reason."""
    table = tomllib.loads(EQUIVALENT.read_text()).get("mutant", [])
    return {(m["module"], m["within"], m["statement"], m["before"], m["after"]): m["reason"] for m in table}


def alive(file: Path) -> set[Key]:
    """The mutants that a run with `--json` left alive."""
    areas = [json.loads(line) for line in file.read_text().splitlines() if line.startswith("{")]
    return {tuple(one[name] for name in FIELDS) for area in areas for one in area["alive"]}


def chosen(names: Iterable[str]) -> dict[str, list[str]]:
    """The modules to mutate by area; an area's name means all of its modules, and no name means everything."""
    found: dict[str, list[str]] = {}
    for name in list(names) or list(AREAS):
        areas = (
            {name: AREAS[name].modules} if name in AREAS else {a: [name] for a, one in AREAS.items() if name in one[0]}
        )
        if not areas:
            raise SystemExit(f"{name!r} is no area and no module of one; areas are {', '.join(AREAS)}")
        for area, modules in areas.items():
            found.setdefault(area, []).extend(modules)
    return found


def main() -> int:
    """Run what is named; 1 when a mutant survives, 2 when the tests fail without one."""
    parser = argparse.ArgumentParser(prog="tests.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"areas ({', '.join(AREAS)}) or paths of modules; none: all areas")
    parser.add_argument("--json", action="store_true", help="write one JSON object for each area")
    parser.add_argument("--jobs", type=int, default=2, help="how many mutants at a time")
    parser.add_argument("--within", default="", help="only mutants of functions whose name has this in it")
    parser.add_argument("--again", type=Path, help="only what an earlier run left alive; its output with --json")
    words = parser.parse_args()
    found = chosen(words.names)
    if len(found) == 1:
        return run(*found.popitem(), words)
    return max(_in_process(modules, words) for modules in found.values())


def run(area: str, paths: list[str], words: argparse.Namespace) -> int:
    """Mutate the modules of one area in this process, and report."""
    known, again = equivalents(), alive(words.again) if words.again else set()
    modules = [Module(ROOT, path) for path in paths]
    plugin = MutationPlugin(
        modules,
        words.jobs,
        selected=lambda mutant: (
            mutant.key not in known and words.within in mutant.within and (words.again is None or mutant.key in again)
        ),
        announce=lambda verdict: _print_verdict(verdict, sys.stderr if words.json else sys.stdout),
    )
    tests = [str(ROOT / path) for path in AREAS[area].tests]
    plugin.try_imports(tests)
    pytest.main(["-q", "-q", "-p", "no:cacheprovider", *tests], plugins=[plugin])
    if plugin.failed or not plugin.verdicts:
        sys.stderr.write(f"{area}: {plugin.failed or 'no test was collected'}\n")
        return 2
    equal = Counter(mutant.path for module in modules for mutant in module.mutants if mutant.key in known)
    _report(area, plugin.verdicts, equal, as_json=words.json)
    return int(any(verdict.outcome not in NOTICED for verdict in plugin.verdicts))


def _in_process(paths: list[str], words: argparse.Namespace) -> int:
    """Mutate one area's modules in a process of its own, for pytest collects once in a process."""
    line = [sys.executable, "-m", "tests.mutation", *paths, "--jobs", str(words.jobs), f"--within={words.within}"]
    more = [*(["--json"] if words.json else []), *([f"--again={words.again}"] if words.again else [])]
    return subprocess.run([*line, *more], cwd=ROOT, check=False).returncode


def _print_verdict(verdict: Verdict, stream: TextIO) -> None:
    """Write a mutant that no failed test has noticed."""
    if verdict.outcome != KILLED:
        stream.write(f"{verdict.outcome}: {verdict.mutant.text()}  ({verdict.tests} tests)\n")
        stream.flush()


def _report(area: str, verdicts: list[Verdict], equal: Counter[str], *, as_json: bool) -> None:
    """Write the score by module."""
    scores = {path: Counter(v.outcome for v in verdicts if v.mutant.path == path) for path in _paths(verdicts)}
    if as_json:
        modules = {path: {**score, EQUAL: equal[path]} for path, score in scores.items()}
        alive = [
            {"outcome": v.outcome, "line": v.mutant.lines.start, **dict(zip(FIELDS, v.mutant.key, strict=True))}
            for v in verdicts
            if v.outcome != KILLED
        ]
        sys.stdout.write(json.dumps({"area": area, "modules": modules, "alive": alive}) + "\n")
        return
    for path, score in scores.items():
        total = score.total()
        noticed = sum(score[outcome] for outcome in NOTICED)
        words = f"{noticed} of {total} noticed ({100 * noticed / total:.1f} %)"
        sys.stdout.write(f"{area}: {path}: {words}, {equal[path]} equivalent\n")


FIELDS = ("module", "within", "statement", "before", "after")


def _paths(verdicts: list[Verdict]) -> list[str]:
    """The modules in the order they were mutated in."""
    return list(dict.fromkeys(verdict.mutant.path for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
