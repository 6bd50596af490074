"""Entries of systemd's journal, read from a socket in the journal's place."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import log
from engine.journald import JournalHandler, field, name_of


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket in the journal's place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        yield listening


@pytest.fixture
def handler(journal: socket.socket) -> JournalHandler:
    """The handler of a process named feed."""
    return JournalHandler("feed", log.fields, str, journal.getsockname())


def parse(data: bytes) -> dict[str, str]:
    """An entry's fields, by the rules of the native protocol."""
    found = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(data[:8], "little")
            value, data = data[8 : 8 + length], data[8 + length + 1 :]
        found[name.decode()] = value.decode()
    return found


def record(message: str, level: int = logging.ERROR, **extra: object) -> logging.LogRecord:
    """What a logger hands to its handlers."""
    return logging.getLogger("engine.feed").makeRecord(
        "engine.feed", level, __file__, 1, message, (), None, extra=extra
    )


def test_each_value_of_a_record_is_a_field(journal: socket.socket, handler: JournalHandler) -> None:
    """An operator filters by process and event: journalctl STEELYARD_EVENT=died."""
    handler.handle(record("died", name_of="maker", exit_code=-9))
    entry = parse(journal.recv(1 << 16))
    assert entry == {
        "MESSAGE": "died name_of=maker exit_code=-9", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "steelyard",
        "STEELYARD_PROCESS": "feed", "STEELYARD_FROM": "engine.feed", "STEELYARD_EVENT": "died",
        "STEELYARD_NAME_OF": "maker", "STEELYARD_EXIT_CODE": "-9",
    }  # fmt: skip


def test_a_value_with_line_breaks_stays_one_value(journal: socket.socket, handler: JournalHandler) -> None:
    """A venue's text, or a traceback, must not become fields of its own: MESSAGE could be forged."""
    handler.handle(record("rejected", text="no\nMESSAGE=all is well"))
    entry = parse(journal.recv(1 << 16))
    assert entry["STEELYARD_TEXT"] == "no\nMESSAGE=all is well"
    assert entry["MESSAGE"].startswith("rejected ")


def test_a_traceback_is_a_field_of_its_own(journal: socket.socket, handler: JournalHandler) -> None:
    """The message stays one line."""
    try:
        raise ValueError("seven")  # noqa: TRY301
    except ValueError as error:
        one = record("failed")
        one.exc_info = (ValueError, error, error.__traceback__)
    handler.handle(one)
    entry = parse(journal.recv(1 << 16))
    assert entry["MESSAGE"] == "failed"
    assert entry["STEELYARD_TRACEBACK"].endswith("ValueError: seven")


def test_a_journal_that_does_not_read_costs_no_time(journal: socket.socket, handler: JournalHandler) -> None:
    """A logging process must never wait for a service of the machine."""
    for _ in range(10_000):
        handler.handle(record("line", text="x" * 1000))
    journal.close()
    handler.handle(record("line"))


def test_names_of_fields_are_those_that_the_journal_accepts() -> None:
    """It drops a field with another name."""
    assert name_of("order-id.x") == "STEELYARD_ORDER_ID_X"
    assert len(name_of("x" * 100)) == 64
    assert field("A", "b") == b"A=b\n"


@pytest.mark.parametrize(("value", "count"), [("journal", 2), ("", 1)])
def test_the_journal_is_written_only_where_the_environment_asks_for_it(
    value: str, count: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An engine started by hand must not write to the machine's journal."""
    monkeypatch.setenv("STEELYARD_LOG", value)
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        with (tmp_path / "log").open("w") as stream:
            log.begin("feed", stream)
            assert len(root.handlers) == count
    finally:
        root.handlers[:] = before
        root.setLevel(level)
