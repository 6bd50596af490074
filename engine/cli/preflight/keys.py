"""Keys: who can read their files, what they may do at the venue, and whether the canceller has one of its own."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.cli.check import secret_text
from engine.cli.preflight.registry import Finding, Subject, check, fail, ok, warn
from engine.config import Config, Secret, Venue
from engine.config.tables import SECRET_KEYS
from engine.venues.catalogue import kind_of, trading_of
from engine.venues.rights import Rights, RightsQuery

OTHERS, GROUP_WRITES = 0o007, 0o020
OK_STATUS = 200


def files_of(config: Config) -> list[Path]:
    """Every file with a secret."""
    secrets = [getattr(venue, key) for venue in config.venues for key in SECRET_KEYS]
    files = {Path(secret.file) for secret in secrets if isinstance(secret, Secret) and secret.file}
    if config.system.env_file:
        files.add(Path(config.path).parent / config.system.env_file)
    return sorted(files)


@check("key files")
def key_files(subject: Subject) -> Iterator[Finding]:
    """Only their owner, and a group that cannot write, reach the files of secrets."""
    files = files_of(subject.config)
    bad = {path: path.stat().st_mode & 0o777 for path in files if path.exists()}
    bad = {path: mode for path, mode in bad.items() if mode & (OTHERS | GROUP_WRITES)}
    for path, mode in bad.items():
        yield fail(f"{path} has mode {mode:04o}, expected 0600 or 0640", f"chmod 600 {path}, then replace the key")
    if not bad:
        yield ok(f"{len(files)} files, each for its owner only" if files else "the file names no file with a secret")


def traded(config: Config) -> list[tuple[str, Venue]]:
    """Each execution's role with the venue where it trades."""
    roles = [role for role in config.execution_names if role in config.role_names]
    if config.accounts:
        return [(one.name, config.venue(one.venue)) for one in config.accounts if one.name in roles]
    return [(role, config.venues[0]) for role in roles if len(config.venues) == 1]


@check("key rights")
def key_rights(subject: Subject) -> Iterator[Finding]:
    """The key of each account may trade, cannot withdraw, and works from known addresses only."""
    accounts = traded(subject.config)
    if not accounts:
        yield ok("no account trades")
    for role, venue in accounts:
        query = trading_of(venue).rights
        key = [secret_text(subject.config, getattr(venue, part), role) for part in trading_of(venue).key]
        if query is None:
            yield warn(f"{venue.name}: {kind_of(venue).name} has no request for a key's rights", "look at its web page")
        elif None in key:
            yield ok(f"{venue.name}: the key is made when the system starts")
        else:
            yield _ask(subject, venue, query, [part for part in key if part is not None])


def _ask(subject: Subject, venue: Venue, query: RightsQuery, key: Sequence[str]) -> Finding:
    """Ask the venue what the key may do."""
    target, headers = query.request(key, subject.machine.wall_ns())
    answer, _, _ = subject.network.get(getattr(venue, venue.order_rest), target, headers)
    if answer.status != OK_STATUS:
        why = answer.error or f"{answer.status} {answer.body[:200].decode(errors='replace')}"
        return Finding(subject.grave, f"{venue.name}: the rights cannot be read: {why}", "look at the venue's web page")
    return _judge(venue, query.read(answer.body))


def _judge(venue: Venue, rights: Rights) -> Finding:
    """A stolen key that can withdraw is money lost; one without the right to trade is a day lost."""
    if rights.may_withdraw:
        return fail(f"{venue.name}: the key CAN WITHDRAW", "turn withdrawals off at the venue, or make another key")
    if not rights.may_trade:
        return fail(f"{venue.name}: the key may not trade", "allow trading for it at the venue")
    if not rights.is_bound:
        remedy = "restrict the key to this machine's address at the venue"
        return warn(f"{venue.name}: may trade, cannot withdraw, and works from every address", remedy)
    return ok(f"{venue.name}: may trade, cannot withdraw, works from known addresses only")


@check("canceller")
def canceller(subject: Subject) -> Iterator[Finding]:
    """A process that can only cancel runs beside each execution, with a key of its own."""
    config = subject.config
    accounts = traded(config)
    if not accounts:
        yield ok("no account trades")
    elif not config.canceller.enabled:
        remedy = "set enabled = true in [canceller]"
        yield Finding(subject.grave, "no process cancels the orders of an execution that is dead or frozen", remedy)
    else:
        yield from own_keys(config)


def own_keys(config: Config) -> Iterator[Finding]:
    """Whether the canceller of each execution has a key of its own; of the file alone."""
    if config.canceller.enabled:
        yield from (_own_key(venue) for _, venue in traded(config))


def _own_key(venue: Venue) -> Finding:
    if venue.cancel_api_key is None:
        remedy = "set cancel_api_key and cancel_private_key of the venue to a second key"
        return warn(f"{venue.name}: the canceller uses the key of execution, and its limits", remedy)
    return ok(f"{venue.name}: the canceller has a key of its own")
