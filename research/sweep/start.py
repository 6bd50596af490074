"""`sweep`: check everything, describe it on disk, start the driver, return at once."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.model.instrument import Instrument
from research.experiment import Experiment, code_of, engine_code, experiment_of, hash_of, read_toml
from research.experiment.description import MINUTE_MS, MS, Kind
from research.simulate import Models, check, load, save
from research.simulate.capital import check as check_capital
from research.sweep.attached import Sweep, address_of, variants_of, workers_of
from research.sweep.figures import FIGURES
from research.sweep.registry import expect_pyarrow
from research.sweep.space import axes_of, check_bounds, count_of
from research.sweep.study import Folder, Study, default_home

if TYPE_CHECKING:
    from research.simulate.data.events import Events

SLICES, SLICES_MOST = 32, 1024
OWN_KEYS = (
    "space", "search", "trials", "seed", "objective", "slices", "name", "workers", "cluster", "variants", "home",
)  # fmt: skip


def sweep(
    data: "str | os.PathLike[str] | Events", strategy: "str | Kind", *, workers: int | None = None, cluster: Any = None,
    variants: int | None = None, **options: Any,
) -> Sweep:  # fmt: skip
    """Run a strategy with many parameters over one mapped copy of the data; returns when the driver runs.

    `options` are those of `describe`. `workers` processes run at once, one a core unless a number is given, or those of
    a Dask cluster. Each runs `variants` trials in one pass over the data; unless a number is given, several of a
    compiled strategy and one of any other (`passes.py`). The same sweep again continues it.
    """
    number, address = workers_of(workers), address_of(cluster)
    variants_of(variants)
    return Sweep(describe(data, strategy, **options)).resume(number, address, variants)


def describe(
    data: "str | os.PathLike[str] | Events", strategy: "str | Kind", *, space: Mapping[str, Any],
    instruments: Sequence[Instrument], models: Models | Mapping[str, Any], search: str = "grid", trials: int = 0,
    seed: int = 0, objective: str = "pnl", slices: int = SLICES, name: str = "",
    home: str | os.PathLike[str] | None = None, beside: str = "", **options: Any,
) -> Folder:  # fmt: skip
    """Check a sweep and write its description; nothing runs yet.

    `space` has the values of each parameter (`space.py`); `search` is "grid", or "random" with a number of `trials`.
    `options` are `parameters` (those that stay), `caps`, `capital`, `called`, `speed`, `mark_ms`.
    """
    expect_pyarrow()
    place = Path(home) if home is not None else default_home()
    path = _path_of(data, place)
    options.setdefault("mark_ms", _mark_ms(path, slices))
    experiment = experiment_of(strategy, path, instruments, models, beside=beside, **options)
    study = study_of(
        experiment, space, search=search, trials=trials, seed=seed, objective=objective, slices=slices, name=name
    )
    folder = Folder(place, study.id)
    if not folder.description.exists():
        folder.write(study)
    return folder


def sweep_file(path: Path, **changed: Any) -> Sweep:
    """The sweep of a TOML file; `changed` replaces keys of it."""
    return sweep(**read_file(path) | changed)


def read_file(path: Path, more: Sequence[str] = ()) -> dict[str, Any]:
    """The keys of a TOML file: those of a sweep, and `more`; an unknown or missing key is refused by name."""
    table = read_toml(path, (*OWN_KEYS, *more))
    missing = [one for one in ("strategy", "data", "instruments", "models", "space") if one not in table]
    if missing:
        raise ValueError(f"{path}: the key `{missing[0]}` is missing (docs/research/sweep.md)")
    return table


def study_of(
    experiment: Experiment, space: Mapping[str, Any], *, search: str, trials: int, seed: int, objective: str,
    slices: int, name: str,
) -> Study:  # fmt: skip
    """The description of a sweep; what could not run is refused here."""
    if objective not in FIGURES:
        raise ValueError(f"objective: found {objective!r}, expected one of {', '.join(FIGURES)}")
    if not isinstance(slices, int) or not 1 < slices <= SLICES_MOST:
        raise ValueError(f"slices: found {slices!r}, expected 2 to {SLICES_MOST}")
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed: found {seed!r}, expected a whole number from 0 on")
    quotes = {one.quote for one in experiment.instruments}
    if len(quotes) > 1:
        raise ValueError(f"instruments: quotes {', '.join(sorted(quotes))} have no common sum: sweep them apart")
    kind, axes = experiment.kind(), axes_of(space, search)
    check_bounds(kind, experiment.parameters, axes)
    check(experiment.events(), experiment.instruments)
    if experiment.capital is not None:
        check_capital(experiment.capital, experiment.instruments)
    return Study(
        name or kind.__name__.lower(), experiment, dict(space), search, count_of(axes, search, trials), seed, objective,
        slices, code_of(experiment.strategy, experiment.beside), engine_code(), hash_of(Path(experiment.data)),
    )  # fmt: skip


def _mark_ms(path: str, slices: int) -> int:
    """A minute, or less where a slice of the period is shorter."""
    events = load(path)
    span_ms = int(events[-1]["receive_ns"] - events[0]["receive_ns"]) // MS if len(events) else 0
    return max(1, min(MINUTE_MS, span_ms // slices)) if isinstance(slices, int) and slices > 0 else MINUTE_MS


def _path_of(data: "str | os.PathLike[str] | Events", home: Path) -> str:
    """The file of the data; an array is saved once, under the hash of its bytes."""
    if not isinstance(data, np.ndarray):
        if not Path(data).is_file():
            raise ValueError(f"data: {data} is not a file: expected a .npy file of research.simulate.save")
        return str(Path(data).resolve())
    folder = home / "data"
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f".{os.getpid()}.npy"
    save(new, data)
    path = folder / f"{hash_of(new)}.npy"
    new.replace(path)
    return str(path)
