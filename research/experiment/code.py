"""The hash of code: of a strategy's files, and of the engine that runs it. Another hash: a result may differ."""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ("shm", "engine", "research")
CODE = (".py", ".so")


def _digest_of(files: Iterable[Path], root: Path) -> str:
    """One hash of files, with their names under a directory."""
    found = hashlib.blake2b(digest_size=16)
    for file in sorted(files):
        found.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode())
        found.update(file.read_bytes())
    return found.hexdigest()


@functools.cache
def engine_code() -> str:
    """The hash of the engine's files, as they run: Python's and the compiled ones."""
    return _digest_of(
        (one for name in ENGINE for one in (ROOT / name).rglob("*") if one.suffix in CODE and one.is_file()), ROOT
    )


def code_of(strategy: str, beside: str) -> str:
    """The hash of a strategy's module and of the modules under `beside` that it imports, directly or not.

    Modules from elsewhere, and those that the code imports by a computed name, are not in the hash.
    """
    root, module = Path(beside).resolve(), strategy.partition(":")[0]
    if not beside or module.split(".")[0] in ENGINE or not _files_of(root, module):
        return engine_code()
    return _digest_of(_reached(root, module), root)


def _reached(root: Path, module: str) -> set[Path]:
    """The files of a module and of all that it imports under a directory."""
    files, waiting, seen = set[Path](), [module], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for file in _files_of(root, name):
            files.add(file)
            if file.suffix == ".py":
                waiting += _imported(file, name)
    return files


def _files_of(root: Path, module: str) -> list[Path]:
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
