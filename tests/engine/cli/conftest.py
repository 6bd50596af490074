"""Fixtures of the commands: an operator's keyboard, and a system of segments without a process."""

from pathlib import Path

import pytest

from engine.config import Config
from engine.supervisor import segments
from tests.engine.typed import MARKET, Typed, Write, write_book, write_orders


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """An operator's keyboard."""
    return Typed(capsys)


@pytest.fixture
def market(write: Write) -> Config:
    """A system with one instrument, a book, three orders and a position, and no running process."""
    config = write(MARKET)
    segments.create(config)
    write_book(config)
    write_orders(config)
    return config


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories of the test's own."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
