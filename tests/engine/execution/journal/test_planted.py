"""What was planted in the journal's directory is refused or replaced, and what it leads to stays as it is."""

import os
from pathlib import Path

import pytest

from engine.execution.build import hold, read_or_make_uuid
from engine.execution.journal.journal_file import JournalFile, segments
from engine.execution.restore.checkpoint import TEMPORARY, Checkpoint, write
from engine.execution.restore.disk import DirectDisk
from engine.feed.instruments.instruments import save_instruments

SEGMENT = 4096


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file of this user that no journal may touch."""
    (tmp_path / "journal").mkdir(mode=0o700)
    file = tmp_path / "precious"
    file.write_text("precious")
    return file


def test_a_link_in_the_place_of_the_first_segment_is_refused(tmp_path: Path, precious: Path) -> None:
    """Opening would cut it after the last whole record, which is at its beginning."""
    (tmp_path / "journal/journal.00000001").symlink_to(precious)
    with pytest.raises(PermissionError, match=r"journal\.00000001 is a symbolic link, .* remove the link"):
        JournalFile(tmp_path / "journal", SEGMENT, DirectDisk())
    assert precious.read_text() == "precious"


def test_a_pipe_among_the_segments_is_refused_and_not_waited_for(tmp_path: Path, precious: Path) -> None:
    """Reading it would block the start of execution for ever."""
    del precious
    os.mkfifo(tmp_path / "journal/journal.00000009")
    with pytest.raises(PermissionError, match=r"journal\.00000009 .*expected a plain file"):
        JournalFile(tmp_path / "journal", SEGMENT, DirectDisk())


def test_a_link_in_the_place_of_the_next_segment_is_replaced(tmp_path: Path, precious: Path) -> None:
    """A link planted while execution runs would have the next records overwrite another file."""
    file = JournalFile(tmp_path / "journal", SEGMENT, DirectDisk())
    planted = tmp_path / "journal/journal.00000002"
    planted.symlink_to(precious)
    file.append(bytes([1]) * SEGMENT * 2, 0)
    file.close()
    assert precious.read_text() == "precious"
    assert not planted.is_symlink()
    assert planted in segments(tmp_path / "journal")


def test_no_lock_checkpoint_or_cache_follows_a_link(tmp_path: Path, precious: Path) -> None:
    """Each was opened with truncation."""
    directory = tmp_path / "journal"
    identity = directory / "system.uuid"
    names = {"journal.lock": lambda: hold(directory)}
    names[f".system.uuid.{os.getpid()}"] = lambda: read_or_make_uuid(identity)
    names[f"instruments.json.{os.getpid()}.making"] = lambda: save_instruments(
        str(directory / "instruments.json"), (), 1
    )
    for name, opens in names.items():
        (directory / name).symlink_to(precious)
        with pytest.raises(PermissionError, match="is a symbolic link"):
            opens()
    (directory / TEMPORARY).symlink_to(precious)
    write(directory, Checkpoint(1, 1, b"state"), bytes(16))
    assert precious.read_text() == "precious"


def test_a_journal_directory_that_others_write_to_is_refused(tmp_path: Path) -> None:
    """A user with write access can plant at any time."""
    directory = tmp_path / "journal"
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.raises(PermissionError, match="can be written by other users"):
        JournalFile(directory, SEGMENT, DirectDisk())
