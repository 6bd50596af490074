"""What another user could plant is refused by name: directories that others write to, links, pipes, second names."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import Paths
from engine.config.private import open_private, replace_private


def link(file: Path, other: Path) -> None:
    """A symbolic link to another file."""
    file.symlink_to(other)


def second_name(file: Path, other: Path) -> None:
    """A hard link."""
    file.hardlink_to(other)


def pipe(file: Path, other: Path) -> None:
    """A pipe would block the process that opens it."""
    del other
    os.mkfifo(file)


@pytest.mark.parametrize("plant", [link, second_name, pipe])
def test_what_is_no_plain_file_of_ours_is_refused_and_untouched(
    tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    """A log that follows a planted link empties whatever it leads to."""
    other, file = tmp_path / "other", tmp_path / "audit.log"
    other.write_text("precious")
    plant(file, other)
    for flags in (os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
        with pytest.raises(OSError, match=r"audit\.log"):
            os.close(open_private(file, flags))
    assert other.read_text() == "precious"


def test_a_file_is_made_private(tmp_path: Path) -> None:
    """Logs show what a strategy does; other users must not read them."""
    os.close(open_private(tmp_path / "new", os.O_WRONLY | os.O_APPEND))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_a_file_is_replaced_on_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut an empty file under the right name is worse than the old contents."""
    effects, fsync, replace = [], os.fsync, Path.replace
    file = tmp_path / "monitor.json"

    def flush(descriptor: int) -> None:
        kind = "directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        effects.append((kind, file.exists() and file.read_bytes()))
        fsync(descriptor)

    def rename(old: Path, new: Path) -> Path:
        effects.append(("rename", old.read_bytes()))
        return replace(old, new)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", rename)
    replace_private(file, b"new")
    assert effects == [("file", False), ("rename", b"new"), ("directory", b"new")]
    assert os.listdir(tmp_path) == ["monitor.json"]


@pytest.mark.parametrize("which", ["run", "state"])
@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_directory_that_others_write_to_is_refused_by_name(tmp_path: Path, which: str, mode: int) -> None:
    """A user who can write there plants links, a HALT, or a configuration for the next start."""
    paths = Paths(tmp_path / "a" / "run", tmp_path / "b" / "state")
    paths.make()
    directory = getattr(paths, which)
    directory.chmod(mode)
    with pytest.raises(PermissionError, match=f"{directory} can be written by other users .mode 0{mode:o}.*chmod 700"):
        paths.make()
    directory.chmod(0o700)
    directory.parent.chmod(mode)
    with pytest.raises(PermissionError, match="can be written by other users"):
        paths.make()


def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    """It was planted before our first start."""
    if os.getuid():
        pytest.skip("only root can give a directory away")
    paths = Paths(tmp_path / "a" / "run", tmp_path / "b" / "state")
    paths.make()
    os.chown(paths.state, 12345, -1)
    with pytest.raises(PermissionError, match="belongs to user 12345"):
        paths.make()
