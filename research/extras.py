"""Packages that only a part of research needs: the extra `research` installs them."""

import importlib
from types import ModuleType


def need(package: str) -> ModuleType:
    """Import a package of the extra `research`, or name what to install."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"this needs the package {package}: pip install 'steelyard[research]'") from error
