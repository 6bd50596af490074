"""Which files Python code writes or renames in this process: what a run keeps there, a later run may read."""

import os
import sys
from pathlib import Path
from typing import Any


class Written:
    """Notes the files from now on; a library that writes in C without Python's knowledge is not seen."""

    def __init__(self) -> None:
        """Begin."""
        self._paths = set[str]()
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python calls this before it opens or renames a file."""
        if event == "open" and arguments[2] & os.O_ACCMODE != os.O_RDONLY:
            self._add(arguments[0])
        elif event == "os.rename":
            self._add(arguments[1])

    def _add(self, path: Any) -> None:
        """A file that is named by a path, not by a descriptor."""
        if isinstance(path, (str, bytes, os.PathLike)):
            self._paths.add(os.path.abspath(os.fsdecode(path)))

    def files(self) -> tuple[str, ...]:
        """Those that exist; the code that Python compiles of a module is none of them."""
        return tuple(sorted(one for one in self._paths if not one.endswith(".pyc") and Path(one).is_file()))
