"""The effects on the disk by which the history changes. A test ends the process at each of them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

TEMPORARY = ".new-"  # the beginning of a name that nothing reads


class Disk:
    """Replaces files in one step, on the disk too: write, flush, rename, flush the directory."""

    def replace(self, path: Path, content: bytes) -> None:
        """Replace a file's content."""
        self.put(path, lambda temporary: _written(temporary, content))

    def put(self, path: Path, write: Callable[[Path], None]) -> None:
        """Create, or replace, a file that `write` writes under another name."""
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        temporary = path.with_name(TEMPORARY + path.name)
        write(temporary)
        self.publish(temporary, path)

    def publish(self, temporary: Path, path: Path) -> None:
        """Give a written file its name."""
        self.sync(temporary)
        self.rename(temporary, path)
        self.sync(path.parent)

    def sync(self, path: Path) -> None:
        """Flush a file or a directory."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file or a directory."""
        old.rename(new)

    def retire(self, path: Path) -> None:
        """Note on a file that the manifest names it no more; a reader that began before may still open it."""
        os.utime(path)

    def remove(self, path: Path) -> None:
        """Remove a file, or a directory with its files."""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)
