"""What storms did, and how fast the engine noticed and recovered: summed, and printed as one table.

`python -m tests.engine.storm.figures FILE...` sums the storms that several runs of `pytest -s` wrote to these files.
"""

import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

MARK = "storm: "  # begins the line of one storm
HEAD = ("fault", "count", "noticed", "p50 ms", "max ms", "recovered", "p50 ms", "max ms")


@dataclass(slots=True)
class Figures:
    """Of one storm or of several: a fault's name is that of its kind and of the process that it struck."""

    storms: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    noticed_ms: dict[str, list[float]] = field(default_factory=dict)  # until the death was recorded
    recovered_ms: dict[str, list[float]] = field(default_factory=dict)  # until the RUNNING heartbeat of the successor
    exits: Counter[str] = field(default_factory=Counter)  # of an operator's commands
    orders: int = 0  # that the venue accepted
    wrong: list[str] = field(default_factory=list)  # orders and fills that were lost, doubled or left open

    def add(self, other: "Figures") -> None:
        """Add the figures of another run."""
        self.storms += other.storms
        self.faults.update(other.faults)
        self.exits.update(other.exits)
        for mine, theirs in ((self.noticed_ms, other.noticed_ms), (self.recovered_ms, other.recovered_ms)):
            for name, all_ in theirs.items():
                mine.setdefault(name, []).extend(all_)
        self.orders += other.orders
        self.wrong += other.wrong

    def line(self) -> str:
        """All of it in one line, which `of_lines` reads."""
        return MARK + msgspec.json.encode(self).decode()

    def table(self) -> Iterator[str]:
        """A row for each fault and process, then the sums."""
        yield "{:24}{:>7}{:>9}{:>9}{:>9}{:>11}{:>9}{:>9}".format(*HEAD)
        for name, count in sorted(self.faults.items()):
            cells = "".join((_cells(self.noticed_ms.get(name, []), 9), _cells(self.recovered_ms.get(name, []), 11)))
            yield f"{name:24}{count:>7}{cells}".rstrip()
        yield f"exit codes of commands: {', '.join(f'{name}: {count}' for name, count in sorted(self.exits.items()))}"
        yield f"{self.storms} storms, {self.orders} orders, {len(self.wrong)} lost, doubled or unattended"
        yield from self.wrong


def of_lines(lines: Iterator[str]) -> Figures:
    """The sum of the storms among these lines."""
    total = Figures()
    for line in lines:
        _, mark, text = line.rpartition(MARK)
        if mark:
            total.add(msgspec.json.decode(text, type=Figures, dec_hook=lambda kind, value: kind(value)))
    return total


def _cells(all_ms: list[float], width: int) -> str:
    """How many there are, their median and their maximum."""
    if not all_ms:
        return f"{'':{width + 18}}"
    return f"{len(all_ms):>{width}}{statistics.median(all_ms):>9.1f}{max(all_ms):>9.1f}"


def main(files: list[str]) -> None:
    """Print the table of these outputs of pytest."""
    total = Figures()
    for name in files:
        with open(name, encoding="utf-8") as file:
            total.add(of_lines(file))
    sys.stdout.writelines(f"{line}\n" for line in total.table())


if __name__ == "__main__":
    main(sys.argv[1:])
