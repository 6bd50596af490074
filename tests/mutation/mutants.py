"""Every small wrong change of a Python module: a swapped comparison, a constant beside itself, a statement left out.

A mutant is made in the module's own syntax tree, compiled and undone again, so that the tree is parsed once. Texts,
assertions, annotations and decorators are left alone: a wrong word in a message is not what these tests are for.
"""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Div: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
SKIPPED_FIELDS = frozenset({"annotation", "returns", "decorator_list", "type_params", "bases"})
CHECKS = frozenset({"check", "__repr__"})  # functions that hold the tests themselves, and words for a person
SKIPPED = (ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
LOGS = frozenset({"debug", "info", "warning", "error", "exception"})
CALLED = "()"  # ends the qualified name of what is inside a function
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong change: where it is, the old text and the new text."""

    path: str
    within: str  # qualified name of the outermost function, or empty at module and class level
    statement: str
    before: str
    after: str
    lines: range
    _place: "_Place" = field(repr=False, compare=False)

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What names this mutant, whatever line it is at."""
        return self.path, self.within, self.statement, self.before, self.after

    def text(self) -> str:
        """The mutant as a line of the report."""
        return f"{self.path}:{self.lines.start}: {self.within or 'module'}: {self.before}  ->  {self.after}"


@dataclass(frozen=True, slots=True)
class _Place:
    """A field of a node, and the node that replaces it."""

    parent: ast.AST
    name: str
    index: int | None
    node: ast.AST

    def put(self, node: ast.AST) -> ast.AST:
        """Put a node into the field; the one that was there."""
        if self.index is None:
            old = getattr(self.parent, self.name)
            setattr(self.parent, self.name, node)
        else:
            held = getattr(self.parent, self.name)
            old, held[self.index] = held[self.index], node
        return old


class Module:
    """One module's tree and its mutants."""

    def __init__(self, root: Path, path: str) -> None:
        """Parse it."""
        self.path, self.file = path, str(root / path)
        self.name = path.removesuffix(".py").replace("/", ".")
        self.tree = ast.parse((root / path).read_text(), self.file)
        self.mutants = list(self._walk(self.tree, "", None))

    @contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[ast.Module]:
        """The tree with one mutant in it."""
        old = mutant._place.put(mutant._place.node)
        try:
            yield ast.fix_missing_locations(self.tree)
        finally:
            mutant._place.put(old)

    def code(self, mutant: Mutant) -> CodeType:
        """The module's code with one mutant in it."""
        with self.mutated(mutant) as tree:
            return compile(tree, self.file, "exec")

    def _walk(self, node: ast.AST, within: str, statement: ast.stmt | None) -> Iterator[Mutant]:
        """The mutants below a node."""
        inner = within
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)) and not _is_local(within):
            inner = f"{within}.{node.name}{'' if isinstance(node, ast.ClassDef) else CALLED}".lstrip(".")
        for name, value in ast.iter_fields(node):
            if name in SKIPPED_FIELDS:
                continue
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(child, ast.AST) or _is_skipped(child):
                    continue
                owner = child if isinstance(child, ast.stmt) else statement
                place = "" if isinstance(node, FUNCTIONS) and name == "args" else inner  # defaults: at import
                if owner is not None:
                    for one in _variants(child, node, name):
                        yield self._mutant(place, owner, child, _Place(node, name, index, one))
                yield from self._walk(child, place, owner)

    def _mutant(self, within: str, statement: ast.stmt, node: ast.AST, place: _Place) -> Mutant:
        """Name a mutant."""
        first = ast.unparse(statement).partition("\n")[0]
        end = statement.end_lineno or statement.lineno
        if isinstance(statement, (ast.If, ast.While, ast.For, ast.With, ast.Try, *FUNCTIONS, ast.ClassDef)):
            end = statement.body[0].lineno - 1 if statement.body[0].lineno > statement.lineno else statement.lineno
        after = "(left out)" if isinstance(place.node, ast.Pass) else ast.unparse(place.node).partition("\n")[0]
        before = ast.unparse(node).partition("\n")[0]
        return Mutant(
            self.path,
            within.removesuffix(CALLED) if _is_local(within) else "",
            first,
            before,
            after,
            range(statement.lineno, end + 1),
            place,
        )


def _is_local(within: str) -> bool:
    """Whether a qualified name leads into a function."""
    return within.endswith(CALLED)


def _is_skipped(node: ast.AST) -> bool:
    """Whether nothing below a node is mutated."""
    if isinstance(node, SKIPPED) or (isinstance(node, FUNCTIONS) and node.name in CHECKS):
        return True
    if isinstance(node, ast.keyword) and node.arg == "gc":  # a struct's flag for the collector: it has no effect
        return True
    if isinstance(node, ast.Expr):
        call = node.value
        if isinstance(call, ast.Constant):
            return True
        return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LOGS
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _variants(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """Every wrong replacement of a node."""
    yield from _expressions(node, parent)
    if isinstance(node, ast.stmt) and not _ends_anyway(node, parent):
        yield from _statements(node)
    if name == "test" and isinstance(node, ast.expr) and not _is_negated_already(node):
        yield ast.UnaryOp(ast.Not(), node)


def _expressions(node: ast.AST, parent: ast.AST) -> Iterator[ast.AST]:
    """Every wrong replacement of an expression."""
    match node:
        case ast.Compare(ops=[op]):
            yield ast.Compare(node.left, [_swapped(op)], node.comparators)  # type: ignore[list-item]
        case ast.Compare(ops=[one, other]):
            yield ast.Compare(node.left, [_swapped(one), other], node.comparators)  # type: ignore[list-item]
            yield ast.Compare(node.left, [one, _swapped(other)], node.comparators)  # type: ignore[list-item]
        case ast.BoolOp():
            yield ast.BoolOp(_swapped(node.op), node.values)  # type: ignore[arg-type]
        case ast.BinOp() if type(node.op) in SWAPS and not _is_text(node.left, node.right):
            yield ast.BinOp(node.left, _swapped(node.op), node.right)  # type: ignore[arg-type]
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield node.operand
        case ast.Constant():
            yield from _constants(node, parent)
        case ast.Set() | ast.Dict():
            yield from _smaller(node)
        case ast.Call(func=ast.Name(id=called)) if called in CALLS:
            yield ast.Call(ast.Name(CALLS[called], ast.Load()), node.args, node.keywords)


def _ends_anyway(node: ast.stmt, parent: ast.AST) -> bool:
    """Whether a function returns None here with and without this statement."""
    if not isinstance(node, ast.Return) or not isinstance(parent, FUNCTIONS) or node is not parent.body[-1]:
        return False
    return node.value is None or _is_none(node.value)


def _is_negated_already(test: ast.expr) -> bool:
    """Whether another variant is the negation of a condition."""
    return isinstance(test, ast.UnaryOp) or (
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn)
    )


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    """Every wrong replacement of a statement."""
    match node:
        case ast.Delete(targets=targets) if all(isinstance(one, ast.Name) for one in targets):
            return  # a name that is not used any more
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Expr() | ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Return():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
    if isinstance(node, ast.AugAssign) and type(node.op) in SWAPS:
        yield ast.AugAssign(node.target, _swapped(node.op), node.value)  # type: ignore[arg-type]


def _constants(node: ast.Constant, parent: ast.AST) -> Iterator[ast.AST]:
    """Values beside a constant; a text only where it is compared."""
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node.value, float):
        yield ast.Constant(node.value * 2)
    elif isinstance(node.value, str) and isinstance(parent, ast.Compare):
        yield ast.Constant(node.value + "?")


def _smaller(node: ast.Set | ast.Dict) -> Iterator[ast.AST]:
    """A set or a table without one of its members."""
    if isinstance(node, ast.Set):
        for index in range(len(node.elts)):
            rest = node.elts[:index] + node.elts[index + 1 :]
            yield ast.Set(rest) if rest else ast.Call(ast.Name("set", ast.Load()), [], [])
        return
    for index in range(len(node.keys)):
        yield ast.Dict(node.keys[:index] + node.keys[index + 1 :], node.values[:index] + node.values[index + 1 :])


def _swapped(op: Any) -> ast.AST:
    """The operator that is easily written in place of another."""
    return SWAPS[type(op)]()


def _is_text(*nodes: ast.AST) -> bool:
    """Whether one of the operands is text."""
    return any(
        isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str)) for n in nodes
    )


def _is_none(node: ast.AST) -> bool:
    """Whether a value is None already."""
    return isinstance(node, ast.Constant) and node.value is None
