"""The machine's clock, and how far it is from each venue's."""

from collections.abc import Iterator

from engine.cli.preflight.registry import Finding, Subject, check, fail, ok, warn
from engine.config import Venue
from engine.venues.catalogue import kind_of
from engine.venues.kind import VenueClock
from engine.venues.wire.dial import Place

MS, US = 1_000_000, 1_000
ERROR_US_MOST = 50_000  # of a clock that counts as synchronised
OFFSET_NS_MOST = 250 * MS  # beyond it a request may be outside of the venue's receive window
SYNCHRONISE = "apt-get install chrony, then chronyc tracking shows the state"
OK_STATUS = 200


@check("clock")
def clock(subject: Subject) -> Iterator[Finding]:
    """The kernel's clock is synchronised by chrony, ntpd or systemd-timesyncd."""
    state = subject.machine.clock()
    if not state.synchronised:
        yield Finding(subject.grave, "the clock is not synchronised", SYNCHRONISE)
    elif state.error_us > ERROR_US_MOST:
        text = f"synchronised, with an error of up to {state.error_us / US:.0f} ms"
        yield warn(f"{text}, expected {ERROR_US_MOST // US} at most", SYNCHRONISE)
    else:
        yield ok(f"synchronised, with an error of up to {state.error_us / US:.1f} ms")


@check("venue")
def venue(subject: Subject) -> Iterator[Finding]:
    """Each venue answers, and its clock is near ours."""
    for one in subject.config.venues:
        its = kind_of(one).clock_of(one)
        if its is None:
            yield warn(f"{one.name}: {one.kind} has no request for the time", "compare the clocks by hand")
        elif one.request_url:
            yield _ask(subject, one, its)


def _ask(subject: Subject, one: Venue, its: VenueClock) -> Finding:
    """Ask a venue for its time."""
    wall_ns = subject.machine.wall_ns()
    answer, began_ns, ended_ns = subject.network.get(one.request_url, its.target, {})
    if not answer.status:
        return _silent(one, answer.error)
    if answer.status != OK_STATUS:
        remedy = "look at the venue's status page, and whether this address is barred"
        return fail(f"{one.name}: {its.target} answers {answer.status}", remedy)
    half_ns = (ended_ns - began_ns) // 2
    return _judge(one, its, its.read(answer.body) - (wall_ns + half_ns), half_ns)


def _silent(one: Venue, error: str) -> Finding:
    """A venue that gives no answer; one on this machine may be a process of the system, which does not run yet."""
    place = Place.of(one.request_url)
    text = f"{one.name}: {place.authority} does not answer: {error}"
    if place.host in ("127.0.0.1", "localhost", "::1"):
        return warn(text, "nothing, if the system itself starts this venue")
    return fail(text, "check name resolution, firewall and proxy, and the venue's status page")


def _judge(one: Venue, its: VenueClock, offset_ns: int, half_ns: int) -> Finding:
    """The distance of the clocks; half of the round trip and the venue's own resolution are in doubt."""
    doubt_ns = half_ns + its.resolution_ns
    text = f"{one.name}: answers in {2 * half_ns / MS:.0f} ms; its clock is {offset_ns / MS:+.0f} ms from ours"
    text += f", ±{doubt_ns / MS:.0f}"
    if abs(offset_ns) - doubt_ns > OFFSET_NS_MOST:
        return fail(f"{text}, expected {OFFSET_NS_MOST // MS} at most", SYNCHRONISE)
    return ok(text)
