"""Opens logs, locks and state files, and makes sure that only their user can have created them."""

import contextlib
import errno
import os
import stat
from pathlib import Path

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def open_private(path: Path, flags: int) -> int:
    """Open or create (mode 0600) a plain file of this user; refuse a link, a pipe, a hard link, another user's file.

    With O_TRUNC the file is emptied only after these checks.
    """
    opening = flags & ~os.O_TRUNC | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, opening, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        msg = f"{path} is a symbolic link, expected a plain file of this user: remove the link"
        raise PermissionError(msg) from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_nlink > 1:
        os.close(descriptor)
        msg = (
            f"{path} (mode {found.st_mode:o}, owner {found.st_uid}, {found.st_nlink} names): expected a plain file of"
            f" user {os.getuid()} with one name: find out who created it and remove it"
        )
        raise PermissionError(msg)
    if flags & os.O_TRUNC:
        os.ftruncate(descriptor, 0)
    return descriptor


def replace_private(path: Path, data: bytes) -> None:
    """Replace a file's contents in one step, on disk too; its mode and group stay."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileNotFoundError):
        found = path.stat()
        os.chown(temporary, -1, found.st_gid)
        temporary.chmod(stat.S_IMODE(found.st_mode))
    temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Flush the directory's entries to the disk: a file that was created or renamed is there after a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(path: Path) -> None:
    """Create a directory with mode 0700; refuse one that another user owns or can write to."""
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    refuse_shared(path)
    refuse_shared(path.parent, sticky=True)


def refuse_shared(path: Path, *, sticky: bool = False) -> None:
    """Refuse a directory that another user can write to; a sticky one is accepted if `sticky`."""
    found = path.stat()
    if found.st_uid not in (os.getuid(), 0):
        msg = f"{path} belongs to user {found.st_uid}, expected user {os.getuid()}: use another directory"
        raise PermissionError(msg)
    if found.st_mode & WRITABLE_BY_OTHERS and not (sticky and found.st_mode & stat.S_ISVTX):
        msg = (
            f"{path} can be written by other users (mode {stat.S_IMODE(found.st_mode):04o}, owner {found.st_uid}),"
            f" expected mode 0700: check the files in it, then chmod 700 {path}"
        )
        raise PermissionError(msg)


def make_once(path: Path, text: str) -> None:
    """Create a file with its whole text in one step, unless it exists; the file is empty when the disk is full."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with contextlib.suppress(OSError):
            os.write(descriptor, text.encode())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.close(descriptor)
        temporary.unlink()
