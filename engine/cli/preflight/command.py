"""`engine-ctl preflight`: runs every check and prints one line for each finding."""

import argparse
from collections import Counter

from engine.cli import FAILED
from engine.cli.output import print_json, print_line
from engine.cli.preflight import clock, cores, keys, memory, trading
from engine.cli.preflight.machine import Machine
from engine.cli.preflight.network import RealNetwork
from engine.cli.preflight.registry import Finding, Grade, Subject, run
from engine.cli.system import read

FILES = (trading, clock, cores, memory, keys)  # their import registers the checks


def preflight(options: argparse.Namespace) -> int:
    """Check the machine, the venues and the file; 1 when a check has failed."""
    config = read(options.config)
    found = list(run(Subject(config, Machine(), RealNetwork())))
    counts = Counter(finding.grade for _, finding in found)
    if options.json:
        grades = {str(grade): counts[grade] for grade in Grade}
        print_json(
            options, {"system": config.system.name, "mode": config.system.mode, **grades, "checks": trees(found)}
        )
    else:
        for name, finding in found:
            print_line(line(name, finding))
        print_line(", ".join(f"{counts[grade]} {grade}" for grade in Grade))
    return FAILED if counts[Grade.FAIL] else 0


def line(name: str, finding: Finding) -> str:
    """A finding as one line."""
    remedy = f" → {finding.remedy}" if finding.remedy else ""
    return f"{finding.grade:<4}  {name}: {finding.text}{remedy}"


def trees(found: list[tuple[str, Finding]]) -> list[dict[str, str]]:
    """The findings as JSON."""
    return [
        {"check": name, "grade": str(one.grade), "text": one.text, "remedy": one.remedy} for name, one in found
    ]  # fmt: skip
