"""Packages that only a part of research needs: the extras `research` and `learning` install them."""

import importlib
from types import ModuleType


def need(package: str, extra: str = "research") -> ModuleType:
    """Import a package of an extra, or name what to install."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        name = package.partition(".")[0]
        raise ModuleNotFoundError(f"this needs the package {name}: pip install 'steelyard[{extra}]'") from error
