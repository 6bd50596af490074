"""Training on the command line.

    python -m research.train CONFIG.toml     train a model, or what is left of it: a candidate and its report
    … --propose                              and compare it with the earlier one on rows that both have not seen

Ctrl-C or a kill loses the trial that runs; the same command continues. docs/research/training.md has the keys of the
file. A candidate trades nothing until somebody promotes it.
"""

import argparse
import sys
from pathlib import Path

from research.train.plan import read_plan
from research.train.proposal import propose
from research.train.report import write
from research.train.run import default_home, train
from research.train.seal import seal


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        "python -m research.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("config", type=Path, help="a configuration file")
    made.add_argument("--home", type=Path, default=default_home(), help="where runs are kept (default: %(default)s)")
    made.add_argument("--propose", action="store_true", help="compare with the earlier candidate of the same name")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0, 1 for an error, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        done = train(read_plan(options.config), options.home, _print_line)
        report = write(done.folder / "report.html", done.judged)
        sealed = seal(done)
        proposed = propose(done) if options.propose else None
    except (ValueError, OSError, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"stopped: python -m research.train {options.config} continues it\n")
        return 130
    for name, score in done.judged.outside.items():
        sys.stdout.write(f"{name:10} {score.value:.4f} ({score.low:.4f} to {score.high:.4f}) out of sample\n")
    sys.stdout.write(f"candidate  {done.model}\nreport     {report}\n")
    sys.stdout.write(f"sealed     {sealed or 'no: a sealed file holds one xgboost or LightGBM model, and no other'}\n")
    if proposed:
        sys.stderr.write("".join(f"left out: {one}\n" for one in proposed.refused))
        sys.stdout.write(f"proposal   {proposed.verdict}, earlier {proposed.earlier or 'none'}: {proposed.reason}\n")
    return 0


def _print_line(line: str) -> None:
    """Show the progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
