"""A check of preflight as a user would add it: one function, no change to the product."""

from collections.abc import Iterator

from engine.cli.preflight.registry import Finding, Subject, check, ok, warn


@check("moon")
def moon(subject: Subject) -> Iterator[Finding]:
    """The machine knows the moon."""
    phase = subject.machine.text("/sys/moon/phase")
    yield ok(phase) if phase == "new" else warn(f"the moon is {phase or 'not there'}", "wait for a new moon")
