"""`python -m engine.chaos --seed N --seconds S [--json]`: run one seed, check its invariants, print its digest."""

import argparse
import signal
import sys

import orjson

from engine.chaos.world import CALM, World


def simulate(seed: int, seconds: float, *, calm: bool = False) -> dict[str, object]:
    """Run one seed to its end; its counts and digest. A broken invariant raises AssertionError."""
    world = World(seed, CALM if calm else None)
    try:
        world.run(seconds)
        world.settle()
        world.check_end()
        counts = {**world.counts, **world.invariants.counts}
        return {"seed": seed, "seconds": seconds, "digest": world.digest(), **dict(sorted(counts.items()))}
    finally:
        world.close()


def main() -> int:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m engine.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of simulated time with faults")
    parser.add_argument("--calm", action="store_true", help="without faults")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the lanes are removed
    outcome = simulate(arguments.seed, arguments.seconds, calm=arguments.calm)
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(outcome) + b"\n")
    else:
        sys.stdout.write("".join(f"{name:>22}  {value}\n" for name, value in outcome.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
