"""What a strategy's class declares by the hooks it defines, and what it must not do in silence.

The hooks are those of `Strategy`, with as many parameters. Everything else that is public there is the engine's own:
a class may override the calls in `MAY_NARROW` to put a check of its own before them, and sets its `Parameters` and its
`timer_ns`; anything else replaced would leave it deaf or blind, so it is refused where the class is defined or loaded.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from engine.strategy.api.wrong import did_you_mean
from engine.strategy.role.lanes import AGGREGATES

if TYPE_CHECKING:
    from engine.strategy.api.strategy import Strategy

PREFIX = "on_"
MAY_NARROW = frozenset({"place", "enter", "exit", "cancel", "cancel_all", "replace"})
MAY_SET = frozenset({"Parameters", "timer_ns"})
REMOVED = {
    "reads": "to define on_bar, on_global_book or on_opportunity has their lanes read",
    "wants_prints": "to define on_print has TICKS read",
}  # what a class declared in earlier versions, and what does it today
HEARD_BY = dict(
    zip(
        AGGREGATES,
        (
            ("on_bar", "on_bars_lost"),
            ("on_global_book", "on_global_book_bad"),
            ("on_opportunity", "on_opportunities_over"),
        ),
        strict=True,
    )
)  # the hooks that tell of an aggregate's lane


def reads_of(defines: Callable[[str], bool]) -> tuple[str, ...]:
    """The lanes of the aggregation of which a class defines a hook."""
    return tuple(lane for lane, hooks in HEARD_BY.items() if any(map(defines, hooks)))


def engines_own(base: type) -> frozenset[str]:
    """Every public name of `Strategy` that a strategy may not set on itself."""
    return frozenset(name for name in dir(base) if not name.startswith("_")) - MAY_SET


def check_class(kind: "type[Strategy]", base: type) -> None:
    """Refuse a class with a hook that nobody calls, or with something of its own in the place of the engine's."""
    for name in dir(kind):
        if name not in vars(base) and name not in dir(base):
            _check_new(kind, name, base)
        elif name.startswith(PREFIX):
            _check_order(kind, name, base)
            _check_hook(kind, name, getattr(base, name))
        elif name in engines_own(base) and _static(kind, name) is not _static(base, name):
            _check_own(kind, name)
    _check_init(kind, base)
    check_timer(kind.__name__, kind.timer_ns)


def check_source(kind: type, base: type) -> None:
    """Refuse `self.books = …` in any method, before it runs, where there is a source to read."""
    own = engines_own(base)
    for one in kind.__mro__[: kind.__mro__.index(base)]:
        for name, line in _set_on_self(one):
            if name in own or name.startswith(PREFIX):
                msg = f"{one.__name__}, line {line}: sets self.{name}, which is the engine's: choose another name"
                raise TypeError(msg)


def check_timer(name: str, timer_ns: Any) -> None:
    """An interval is whole nanoseconds: a float would end the process at its start, a negative one call every step."""
    if not isinstance(timer_ns, int) or timer_ns < 0:
        msg = f"{name}.timer_ns is {timer_ns!r}, expected whole nanoseconds, like 1_000_000_000, or 0 for no timer"
        raise TypeError(msg)


def _check_new(kind: type, name: str, base: type) -> None:
    """A name that `Strategy` does not have: one that reads like a hook is a hook misspelt."""
    if name in REMOVED:
        msg = f"{kind.__name__}.{name} is no longer read: delete it, {REMOVED[name]}"
        raise TypeError(msg)
    hooks = [hook for hook in dir(base) if hook.startswith(PREFIX)]
    meant = [hook for hook in hooks if _plain(hook) == _plain(name)]
    if name.startswith(PREFIX) or meant:
        hint = f"did you mean {meant[0]}? " if meant else did_you_mean(name, hooks)
        msg = f"{kind.__name__}.{name} is no hook, it would never be called: {hint}the hooks are {', '.join(hooks)}"
        raise TypeError(msg)


def _check_order(kind: type, name: str, base: type) -> None:
    """A hook of a mixin that is named after `Strategy` is hidden by its own."""
    for one in kind.__mro__[kind.__mro__.index(base) + 1 :]:
        if name in vars(one):
            msg = f"{one.__name__}.{name} would never be called: in {kind.__name__}'s bases, name {one.__name__} first"
            raise TypeError(msg)


def _check_hook(kind: type, name: str, original: Callable[..., Any]) -> None:
    """A hook is a plain method that takes what the role gives."""
    found, parameters = getattr(kind, name), list(inspect.signature(original).parameters)
    shape = f"def {name}({', '.join(parameters)})"
    if not callable(found):
        msg = f"{kind.__name__}.{name} is {found!r}, expected a method: {shape}"
        raise TypeError(msg)
    _check_runs(kind, name, found)
    bound = isinstance(_static(kind, name), staticmethod | classmethod)
    try:
        inspect.signature(found).bind(*parameters[bound:])
    except TypeError:
        msg = f"{kind.__name__}.{name}{inspect.signature(found)} cannot be called: expected {shape}"
        raise TypeError(msg) from None


def _check_own(kind: type, name: str) -> None:
    """Something of the engine's replaced in a class's body; calls may be narrowed by a method."""
    if name in MAY_NARROW and callable(found := getattr(kind, name)):
        _check_runs(kind, name, found)
        return
    msg = (
        f"{kind.__name__}.{name} replaces the engine's own, which would no longer be heard or seen: choose another name"
    )
    raise TypeError(msg)


def _check_runs(kind: type, name: str, found: Callable[..., Any]) -> None:
    """What the engine calls runs when it is called."""
    plain = inspect.unwrap(found)
    if inspect.iscoroutinefunction(plain) or inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        msg = f"{kind.__name__}.{name} is a coroutine or generator, whose body would never run: expected a plain `def`"
        raise TypeError(msg)


def _check_init(kind: type, base: type) -> None:
    """A strategy is made with its instruments and its parameters."""
    if kind.__new__ is not base.__new__:
        msg = f"{kind.__name__}.__new__ replaces the engine's own, which makes its books: state is made in on_start"
        raise TypeError(msg)
    try:
        inspect.signature(kind).bind((), None)
    except TypeError:
        msg = f"{kind.__name__}.__init__{inspect.signature(kind)}: expected __init__(self, instruments, parameters)"
        raise TypeError(f"{msg}, or none at all: state is made in on_start") from None


def _set_on_self(kind: type) -> Iterator[tuple[str, int]]:
    """Names set on the first parameter of a class's methods, with their lines."""
    try:
        lines, first = inspect.getsourcelines(kind)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):  # a class made without a file: setting it is refused when it runs
        return
    [body] = (one.body for one in tree.body if isinstance(one, ast.ClassDef))
    for method in body:
        if isinstance(method, ast.FunctionDef) and method.args.args and not _is_static(method):
            me = method.args.args[0].arg
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is(node.value, me):
                    yield node.attr, node.lineno + first - 1


def _is_static(method: ast.FunctionDef) -> bool:
    """Its first parameter is no strategy."""
    return any(_is(one, "staticmethod") for one in method.decorator_list)


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _plain(name: str) -> str:
    """A name without what one mistakes about it: case and underscores."""
    return name.replace("_", "").lower()


def _static(kind: type, name: str) -> Any:
    return inspect.getattr_static(kind, name)
