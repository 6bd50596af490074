"""The files that a module of an author is made of: its own, and those of the modules beside it that it imports.

Modules from elsewhere, and those that the code imports by a computed name, are not among them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path


def reached(root: Path, module: str) -> set[Path]:
    """The files of a module and of all that it imports under a directory."""
    files, waiting, seen = set[Path](), [module], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for file in files_of(root, name):
            files.add(file)
            if file.suffix == ".py":
                waiting += _imported(file, name)
    return files


def files_of(root: Path, module: str) -> list[Path]:
    """The source and the compiled file of a module under a directory, if there are any."""
    place = root.joinpath(*module.split("."))
    sources = [place.with_name(place.name + ".py"), place / "__init__.py"]
    return [*(one for one in sources if one.is_file()), *place.parent.glob(f"{place.name}.*.so")]


def _imported(file: Path, module: str) -> Iterator[str]:
    """The modules that a file may import: each package on the way, and each name as a module of its own."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield from _with_parents(one.name)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], node.module or ""])
            base = (base if node.level else node.module or "").strip(".")
            yield from _with_parents(base)
            yield from (f"{base}.{one.name}".strip(".") for one in node.names)


def _with_parents(module: str) -> Iterator[str]:
    """A module and the packages that it is in."""
    parts = module.split(".") if module else []
    yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
