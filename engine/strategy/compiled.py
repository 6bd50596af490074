"""Compiles a strategy's file: the same class as an extension module beside it, by Cython's pure Python mode.

    mine.py ──copy, with its hash──▶ Cython ─▶ C compiler ─▶ mine.<platform>.so      Python imports the .so first

Annotations are not used as types, so the compiled class computes as the file does; a file may declare C types itself
(`import cython`). The hash is that of the file: after a change of the file the extension is refused until it is built
again or deleted.
"""

import hashlib
import logging
import shutil
import sys
import sysconfig
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

MARK = "_steelyard_source"
DIRECTIVES = {"language_level": "3", "annotation_typing": False, "binding": True}


class CannotBuildError(Exception):
    """The file cannot be compiled; the text says why, and what to do."""


def build(file: Path) -> Path:
    """Compile a file, and put the extension beside it; CannotBuildError."""
    if file.suffix != ".py" or not file.stem.isidentifier() or not file.is_file():
        raise CannotBuildError(f"{file}: expected a strategy's file, like mine.py")
    try:
        compile(file.read_bytes(), file, "exec")
    except SyntaxError as error:
        raise CannotBuildError(f"{file}, line {error.lineno}: {error.msg}") from error
    _expect_tools()
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / file.name
        copy.write_bytes(file.read_bytes() + f"\n{MARK} = {hash_of(file)!r}\n".encode())
        made = _compile(copy)
        target = file.with_name(file.stem + EXTENSION_SUFFIXES[0])
        new = target.with_name(target.name + ".new")
        shutil.copy(made, new)
        new.replace(target)  # a running process has the old one mapped
    return target


def check_current(module: ModuleType) -> None:
    """Refuse a compiled module whose file beside it has changed since; a module of another kind is left alone."""
    mark = getattr(module, "__dict__", {}).get(MARK)
    if mark is None:
        return
    made = Path(module.__file__ or "")
    file = made.with_name(made.name.partition(".")[0] + ".py")
    if file.exists() and mark != hash_of(file):
        msg = f"{made}: {file.name} has changed since it was compiled: engine-ctl strategy build {file}, or delete it"
        raise ValueError(msg)


def hash_of(file: Path) -> str:
    """The hash of a file."""
    return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()


def _expect_tools() -> None:
    """Refuse where Cython, setuptools or a C compiler is not installed."""
    try:
        import Cython  # noqa: F401, PLC0415 - only a build needs it
        import setuptools  # type: ignore[import-untyped] # noqa: F401, PLC0415
    except ImportError as error:
        text = f'{error.name} is not installed: {sys.executable} -m pip install "cython>=3.1,<4" setuptools'
        raise CannotBuildError(text) from error
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        text = f"no C compiler {compiler!r}: sudo apt install build-essential, or dnf install gcc"
        raise CannotBuildError(text)


def _compile(copy: Path) -> Path:
    """The extension of a file in a directory of its own."""
    from Cython.Build import cythonize  # noqa: PLC0415 - only a build needs it
    from Cython.Compiler.Errors import CompileError  # noqa: PLC0415
    from setuptools import Distribution, Extension  # noqa: PLC0415
    from setuptools.errors import BaseError, CCompilerError  # type: ignore[import-untyped] # noqa: PLC0415

    logging.getLogger("setuptools").setLevel(logging.WARNING)
    try:
        modules = cythonize(  # type: ignore[no-untyped-call]
            [Extension(copy.stem, [str(copy)])], compiler_directives=DIRECTIVES, quiet=True, build_dir=str(copy.parent)
        )
        command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
        command.build_lib = command.build_temp = str(copy.parent)
        command.ensure_finalized()
        command.run()
    except (CompileError, BaseError, CCompilerError) as error:
        raise CannotBuildError(f"{copy.name} cannot be compiled: {error}") from error
    return Path(command.get_ext_fullpath(copy.stem))
