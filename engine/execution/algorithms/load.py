"""From the numbers of an INTENT to an algorithm's class and its checked parameters."""

import importlib
from collections.abc import Sequence

import msgspec

from engine.execution.algorithms.algorithm import Algorithm
from engine.model import algorithms


def kind_of(number: int) -> type[Algorithm] | None:
    """The class of a registered algorithm; None when the number is not registered."""
    registered = algorithms.by_number(number)
    if registered is None:
        return None
    module, _, name = registered.kind.partition(":")
    kind: type[Algorithm] = getattr(importlib.import_module(module), name)
    fields = tuple(field.name for field in msgspec.structs.fields(kind.Parameters))
    assert fields == registered.parameters, f"{registered.kind}: {fields}, the registry has {registered.parameters}"
    return kind


def parameters_of(kind: type[Algorithm], numbers: Sequence[int]) -> msgspec.Struct | int:
    """An algorithm's own parameters; the place of the first number that it does not accept."""
    fields = msgspec.structs.fields(kind.Parameters)
    for index, number in enumerate(numbers):
        if index >= len(fields):
            if number:
                return index
            continue
        try:
            msgspec.convert(number, fields[index].type)
        except msgspec.ValidationError:
            return index
    return kind.Parameters(*numbers[: len(fields)])
