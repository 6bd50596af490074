"""The figures of all storms of a run, printed at its end."""

import pytest

from tests.engine.storm.figures import Figures

TOTAL = Figures()


@pytest.fixture
def total() -> Figures:
    """The figures of this run; a storm adds its own."""
    return TOTAL


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table after the last test."""
    if TOTAL.storms:
        terminalreporter.section("storms: time from a fault to its notice and to the successor's first step")
        for line in TOTAL.table():
            terminalreporter.line(line)
