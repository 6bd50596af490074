"""What every test has: a profile of hypothesis, a place in the order of the files, its own signal handlers."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "steelyard", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip
settings.load_profile("steelyard")

STARTS = {"floor", "write", "bring_up"}  # fixtures of tests that start processes
MOST_DESCRIPTORS = 512  # select, which some tests use, reads none from number 1,024 on
HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the files that start systems to the front: the workers of `make test` then end at about the same time."""
    first = {item.path for item in items if STARTS.intersection(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: item.path not in first)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Restore the signal handlers: a role that a test runs in this process sets its own, and ^C must end the tests."""
    before = {number: signal.getsignal(number) for number in HANDLED}
    result = yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Fail the test after which this process has very many files and sockets open: tests leave them open."""
    result = yield
    descriptors = len(os.listdir("/proc/self/fd"))
    assert descriptors < MOST_DESCRIPTORS, f"{descriptors} descriptors are open: close what the tests of this file open"
    return result
