"""The audit's size has a bound, whatever a client sends."""

import json
from pathlib import Path

import pytest

from engine.supervisor import audit


def test_the_audit_is_rotated_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One client wrote 489 MB in 5 s."""
    monkeypatch.setattr(audit, "SIZE_MAX", 4096)
    for number in range(500):
        audit.append(tmp_path / "audit.log", {"number": number, "arguments": {"text": "x" * 100}})
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["audit.log", *(f"audit.log.{number}" for number in range(1, audit.KEPT + 1))]
    assert all(path.stat().st_size <= 4096 for path in tmp_path.iterdir())
    last = (tmp_path / "audit.log").read_text().splitlines()[-1]
    assert json.loads(last)["number"] == 499


def test_a_long_argument_is_cut(tmp_path: Path) -> None:
    """A line may hold 64 KiB, and each is answered."""
    audit.append(tmp_path / "audit.log", {"command": "x", "arguments": {"text": "y" * 60_000}})
    assert (tmp_path / "audit.log").stat().st_size < 2 * audit.TEXT_MAX + 200
