"""What a strategy keeps outside its object: globals of its modules, attributes of classes, common random streams."""

import hashlib
import pickle
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.strategy.imported import reached
from research.experiment.code import ENGINE

if TYPE_CHECKING:
    from research.experiment import Experiment
    from research.experiment.description import Kind


def modules_of(experiment: "Experiment", kind: "Kind") -> list[ModuleType]:
    """The module of a strategy, and those beside it that it has imported; the engine's own are not among them."""
    root, name = Path(experiment.beside).resolve(), kind.__module__
    files = {str(one) for one in reached(root, name)} if experiment.beside else set[str]()
    own, loaded = sys.modules[name], list(sys.modules.values())
    others = [one for one in loaded if one is not own and getattr(one, "__file__", None) in files]
    return [own, *(one for one in others if one.__name__.split(".")[0] not in ENGINE)]


def state_of(modules: list[ModuleType]) -> bytes:
    """A hash of the state, as far as values can be pickled."""
    found = hashlib.blake2b(digest_size=16)
    streams = random.getstate(), np.random.get_state()  # noqa: NPY002 - a strategy may use it
    for value in (*streams, *(one for each in modules for one in _values(each))):
        found.update(_bytes(value))
    return found.digest()


def _values(module: ModuleType) -> Iterator[Any]:
    """The globals of a module, and the attributes of its classes."""
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from (one for at, one in list(vars(value).items()) if not at.startswith("__"))
        elif not name.startswith("__"):
            yield value


def _bytes(value: Any) -> bytes:
    """A value as bytes; the type's name for what cannot be pickled, as a module."""
    try:
        return pickle.dumps(value)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - any class may refuse in its own way
        return type(value).__qualname__.encode()
