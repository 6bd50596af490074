"""The memory of a strategy's code, so that a spinning role can prefetch it without running it.

A hook runs once in many milliseconds. The role cannot call it to keep it in the cache, because a call would decide
something. But its bytecode, constants and names are plain memory, which can be prefetched without an effect. The
extents cover the functions of the strategy's classes up to `Strategy`, and the module functions that these name.
"""

from collections.abc import Iterator
from types import CodeType, FunctionType

from engine.strategy.api.strategy import Strategy

Extent = tuple[int, int]  # address, size in bytes
MOST_BYTES = 16 << 10  # half of the L1 cache: more would evict the rest of the hot path


def footprint(strategy: Strategy) -> list[Extent]:
    """The extents of a strategy's code, the most important first, at most MOST_BYTES in all."""
    extents, total = [], 0
    for extent in dict.fromkeys(_extents(strategy)):
        total += extent[1]
        if total > MOST_BYTES:
            break
        extents.append(extent)
    return extents


def _extents(strategy: Strategy) -> Iterator[Extent]:
    """Every method's code, each class's before its base's, then the functions that the methods name."""
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
    """A code object and its tuples; an object's address is its id."""
    for one in (code, code.co_consts, code.co_names):
        yield id(one), one.__sizeof__()
