"""From the numbers of an INTENT to an algorithm's class and its checked parameters."""

import importlib
from collections.abc import Sequence

import msgspec

from engine.execution.algorithms.algorithm import Algorithm
from engine.model import algorithms
from engine.model.fixed import INT64_MAX


def kind_of(number: int) -> type[Algorithm] | None:
    """The class of a registered algorithm; None when the number is not registered, or the router's."""
    registered = algorithms.by_number(number)
    if registered is None or not registered.kind:
        return None
    module, _, name = registered.kind.partition(":")
    kind: type[Algorithm] = getattr(importlib.import_module(module), name)
    declared = tuple(_declared(field) for field in msgspec.structs.fields(kind.Parameters))
    assert declared == registered.parameters, f"{registered.kind}: {declared}, not {registered.parameters}"
    return kind


def _declared(field: msgspec.structs.FieldInfo) -> algorithms.Parameter:
    """A parameter as its class has it."""
    bounds = msgspec.inspect.type_info(field.type)
    assert isinstance(bounds, msgspec.inspect.IntType), f"{field.name}: {field.type}, expected an int with its range"
    most = INT64_MAX if bounds.le is None else bounds.le
    return algorithms.Parameter(field.name, bounds.ge or 0, most)


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
