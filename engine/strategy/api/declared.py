"""What a strategy's class declares by its hooks, and the mistakes that are refused.

The hooks are those of `Strategy`, with the same number of parameters. Every other public name of `Strategy` is the
engine's own. A class may override the calls in `MAY_NARROW` to put a check of its own before them, and may set
`Parameters` and `timer_ns`. A class that replaces another name would lose events or data, so it is refused when it is
defined or loaded.
"""

import ast
import inspect
import linecache
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from engine.config.nearest import did_you_mean
from engine.strategy.role.lanes import AGGREGATES

if TYPE_CHECKING:
    from engine.strategy.api.strategy import Strategy

PREFIX = "on_"
MAY_NARROW = frozenset({"place", "enter", "exit", "cancel", "cancel_all", "replace"})
MAY_SET = frozenset({"Parameters", "State", "timer_ns"})
STATE_HOOKS = ("save", "load")
REMOVED = {
    "reads": "a class that defines on_bar, on_global_book or on_opportunity reads their lanes",
    "wants_prints": "a class that defines on_print reads TICKS",
}  # what a class declared in earlier versions, and what replaces it
HOOKS_OF = dict(
    zip(
        AGGREGATES,
        (
            ("on_bar", "on_bars_lost"),
            ("on_global_book", "on_global_book_bad"),
            ("on_opportunity", "on_opportunities_over"),
        ),
        strict=True,
    )
)  # the hooks of an aggregate's lane


def reads_of(defines: Callable[[str], bool]) -> tuple[str, ...]:
    """The lanes of the aggregation for which a class defines a hook."""
    return tuple(lane for lane, hooks in HOOKS_OF.items() if any(map(defines, hooks)))


def engines_own(base: type) -> frozenset[str]:
    """Every public name of `Strategy` that a strategy may not set on itself."""
    return frozenset(name for name in dir(base) if not name.startswith("_")) - MAY_SET


def check_class(kind: "type[Strategy]", base: type) -> None:
    """Refuse a class with a hook that is never called, or with a name that replaces one of the engine's."""
    known, own = {*vars(base), *dir(base)}, engines_own(base)
    for name in dir(kind):
        if name not in known:
            _check_new(kind, name, base)
        elif name.startswith(PREFIX) or name in STATE_HOOKS:
            _check_order(kind, name, base)
            if _static(kind, name) is not _static(base, name):
                _check_hook(kind, name, getattr(base, name))
        elif name in own and _static(kind, name) is not _static(base, name):
            _check_own(kind, name)
    _check_state(kind, base)
    _check_init(kind, base)
    check_timer(kind.__name__, kind.timer_ns)


def check_source(kind: type, base: type) -> None:
    """Refuse `self.books = …` in any method, before it runs, if the source can be read."""
    own = engines_own(base)
    for one in kind.__mro__[: kind.__mro__.index(base)]:
        for name, line in _set_on_self(one):
            if name in own or name.startswith(PREFIX):
                msg = f"{one.__name__}, line {line}: sets self.{name}, which the engine uses: choose another name"
                raise TypeError(msg)


def check_timer(name: str, timer_ns: Any) -> None:
    """Refuse a wrong interval: a float would end the process at its start, a negative one would call every step."""
    if not isinstance(timer_ns, int) or timer_ns < 0:
        msg = f"{name}.timer_ns is {timer_ns!r}, expected whole nanoseconds, like 1_000_000_000, or 0 for no timer"
        raise TypeError(msg)


def _check_new(kind: type, name: str, base: type) -> None:
    """Refuse a new name that looks like a misspelt hook."""
    if name in REMOVED:
        msg = f"{kind.__name__}.{name} was removed: delete it, {REMOVED[name]}"
        raise TypeError(msg)
    hooks = [hook for hook in dir(base) if hook.startswith(PREFIX)]
    meant = [hook for hook in hooks if _plain(hook) == _plain(name)]
    if name.startswith(PREFIX) or meant:
        hint = f"did you mean {meant[0]}? " if meant else did_you_mean(name, hooks)
        msg = f"{kind.__name__}.{name} is no hook, it would never be called: {hint}the hooks are {', '.join(hooks)}"
        raise TypeError(msg)


def _check_order(kind: type, name: str, base: type) -> None:
    """Refuse a hook of a mixin that is listed after `Strategy`: Strategy's own hook hides it."""
    for one in kind.__mro__[kind.__mro__.index(base) + 1 :]:
        if name in vars(one):
            msg = f"{one.__name__}.{name} would never be called: in {kind.__name__}'s bases, name {one.__name__} first"
            raise TypeError(msg)


def _check_hook(kind: type, name: str, original: Callable[..., Any]) -> None:
    """Refuse a hook that is no plain method with the hook's parameters."""
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
    """Refuse a class that replaces one of the engine's names; a call in MAY_NARROW may be overridden by a method."""
    if name in MAY_NARROW and callable(found := getattr(kind, name)):
        _check_runs(kind, name, found)
        return
    msg = f"{kind.__name__}.{name} replaces a name that the engine uses: choose another name"
    raise TypeError(msg)


def _check_runs(kind: type, name: str, found: Callable[..., Any]) -> None:
    """Refuse a coroutine or generator, whose body does not run when it is called."""
    plain = inspect.unwrap(found)
    if inspect.iscoroutinefunction(plain) or inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        msg = f"{kind.__name__}.{name} is a coroutine or generator, whose body would never run: expected a plain `def`"
        raise TypeError(msg)


def _check_state(kind: type, base: type) -> None:
    """Refuse a class that saves a state and cannot load it, or the other way round."""
    defined = [name for name in STATE_HOOKS if _static(kind, name) is not _static(base, name)]
    if len(defined) == 1:
        msg = f"{kind.__name__} defines {defined[0]} alone, expected both save(self) and load(self, state), or neither"
        raise TypeError(msg)


def _check_init(kind: type, base: type) -> None:
    """Refuse a class that cannot be made with instruments and parameters."""
    if kind.__new__ is not base.__new__:
        msg = f"{kind.__name__}.__new__ replaces the engine's, which makes the books: make state in on_start"
        raise TypeError(msg)
    try:
        inspect.signature(kind).bind((), None)
    except TypeError:
        msg = f"{kind.__name__}.__init__{inspect.signature(kind)}: expected __init__(self, instruments, parameters)"
        raise TypeError(f"{msg}, or no __init__: make state in on_start") from None


def _set_on_self(kind: type) -> Iterator[tuple[str, int]]:
    """Names set on the first parameter of a class's methods, with their lines."""
    for method in _body_of(kind):
        if isinstance(method, ast.FunctionDef) and method.args.args and not _is_static(method):
            me = method.args.args[0].arg
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is(node.value, me):
                    yield node.attr, node.lineno


def _body_of(kind: type) -> list[ast.stmt]:
    """The statements of a class in its source file; none without a file: a wrong assignment is refused when it runs.

    The whole file is parsed, because `inspect.getsource` tokenizes it in Python: that needs ten times as long.
    """
    try:
        file = inspect.getsourcefile(kind) or ""
        linecache.checkcache(file)
        body: list[ast.stmt] = list(ast.parse("".join(linecache.getlines(file))).body)
    except (OSError, TypeError, SyntaxError):
        return []
    for name in kind.__qualname__.replace(".<locals>", "").split("."):
        found = [one for one in _definitions(body) if one.name == name]
        if not found:
            return []
        body = list(found[-1].body)
    return body


def _definitions(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """The classes and functions of a body, also those inside of its `if`, `try` and `with` statements."""
    for one in body:
        if isinstance(one, ast.ClassDef | ast.FunctionDef):
            yield one
        else:
            yield from _definitions([part for part in ast.iter_child_nodes(one) if isinstance(part, ast.stmt)])


def _is_static(method: ast.FunctionDef) -> bool:
    """Its first parameter is no strategy."""
    return any(_is(one, "staticmethod") for one in method.decorator_list)


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _plain(name: str) -> str:
    """A name without what one mistakes about it: case and underscores."""
    return name.replace("_", "").lower()


def _static(kind: type, name: str) -> Any:
    """A name as its class has it; `inspect.getattr_static` needs ten times as long for a class that has it."""
    found = (vars(one)[name] for one in kind.__mro__ if name in vars(one))
    return next(found, None) or inspect.getattr_static(kind, name)
