"""Import one mutated module in the place of the real one: a pytest plugin, `-p tests.mutation.overlay`.

`STEELYARD_MUTANT` names the module and the file with its code: text for a Python module, a library for a compiled one.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType


class Overlay(importlib.abc.MetaPathFinder):
    """Finds the mutated module before the real one is found."""

    def __init__(self, name: str, file: str) -> None:
        """Take over one name."""
        self.name, self.file = name, file

    def find_spec(self, name: str, _: Sequence[str] | None = None, __: ModuleType | None = None) -> ModuleSpec | None:
        """The mutated module where it is asked for."""
        if name != self.name:
            return None
        if self.file.endswith(".so"):
            return importlib.util.spec_from_file_location(name, self.file, loader=ExtensionFileLoader(name, self.file))
        path = f"{name.replace('.', os.sep)}.py"
        return importlib.util.spec_from_file_location(name, path, loader=_Source(name, path, self.file))


class _Source(SourceFileLoader):
    """Loads a module under its own path with another text."""

    def __init__(self, name: str, path: str, file: str) -> None:
        """Take the text from a file."""
        super().__init__(name, path)
        self._file = file

    def get_code(self, _: str) -> CodeType:
        """Compile the other text; nothing is cached."""
        return compile(Path(self._file).read_text(), self.path, "exec")


if "STEELYARD_MUTANT" in os.environ:
    sys.meta_path.insert(0, Overlay(*os.environ["STEELYARD_MUTANT"].split("=", 1)))
