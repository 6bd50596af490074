"""A small file with the checksum of its contents in its first line, replaced as a whole."""

import zlib
from pathlib import Path

from engine.config.private import replace_private


class DamagedFileError(ValueError):
    """A file whose contents do not have its checksum."""


class CheckedFile:
    """One file in the state directory."""

    def __init__(self, path: Path) -> None:
        """Use this file."""
        self.path = path

    def read(self) -> bytes:
        """The contents; DamagedFileError where they are not those that were written."""
        checksum, _, body = self.path.read_bytes().partition(b"\n")
        expected = str(zlib.crc32(body)).encode()
        if checksum != expected:
            found = checksum[:16].decode(errors="replace")
            msg = f"{self.path}: its first line is {found!r}, expected the checksum of the rest, {expected.decode()}"
            raise DamagedFileError(msg)
        return body

    def write(self, body: bytes) -> None:
        """Replace the contents in one step, on disk too: after a power cut the file has the old or the new ones."""
        replace_private(self.path, b"%d\n%b" % (zlib.crc32(body), body))
