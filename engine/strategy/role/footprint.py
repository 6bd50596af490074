"""Where a strategy's own code lies in memory, so that a spinning role can have it fetched without running it.

A hook runs once in many milliseconds, and calling it to keep it near would decide something. Its bytecode, constants
and names are plain memory, though: to ask for their cache lines has no effect but that they are there. What is found
are the functions of its classes up to `Strategy`, and of the modules' functions those that they name.
"""

from collections.abc import Iterator
from types import CodeType, FunctionType

from engine.strategy.api.strategy import Strategy

Extent = tuple[int, int]  # address, size in bytes
MOST_BYTES = 16 << 10  # half of what a core keeps nearest: more would push out what it is to keep


def footprint(strategy: Strategy) -> list[Extent]:
    """The extents of a strategy's code, the nearest first, as far as they are worth keeping near."""
    extents, total = [], 0
    for extent in dict.fromkeys(_extents(strategy)):
        total += extent[1]
        if total > MOST_BYTES:
            break
        extents.append(extent)
    return extents


def _extents(strategy: Strategy) -> Iterator[Extent]:
    """Every function's code, each class's before its base's, and then what those functions name."""
    functions = [*_methods(strategy)]
    for function in functions:
        yield from _of_code(function.__code__)
    for function in functions:
        for name in function.__code__.co_names:
            named = function.__globals__.get(name)
            if isinstance(named, FunctionType):
                yield from _of_code(named.__code__)


def _methods(strategy: Strategy) -> Iterator[FunctionType]:
    """The functions of its classes up to `Strategy`."""
    for one in type(strategy).__mro__:
        if one is Strategy:
            return
        yield from (value for value in vars(one).values() if isinstance(value, FunctionType))


def _of_code(code: CodeType) -> Iterator[Extent]:
    """A code object, and the tuples it reads from; an object's address is its id."""
    for one in (code, code.co_consts, code.co_names):
        yield id(one), one.__sizeof__()
