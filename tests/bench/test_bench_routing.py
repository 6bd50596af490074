"""The study of routing: a tape is the same for every plan, and a routed order fills over several venues."""

from bench import routing
from bench.algorithms import route
from bench.routing import Outcome, best_single, run


def test_a_tape_gives_the_same_figures_again_and_is_filled_over_venues() -> None:
    """Figures that another run does not repeat cannot be compared."""
    names = [one.name for one in routing.VENUES]
    first = run(2, routing.SIZES["large"], names)
    assert first == run(2, routing.SIZES["large"], names)
    assert (first.filled, first.venues > 1) == (1.0, True)
    assert run(2, routing.SIZES["small"], ["east"]).venues == 1


def test_the_fee_is_in_the_cost() -> None:
    """Without it the cheapest venue to fill at would not be the cheapest."""
    dear = routing.VENUES[0]._replace(fee_bps=13.0)
    before, venues = run(2, "0.1", ["east"]), routing.VENUES
    try:
        routing.VENUES = (dear, *venues[1:])
        after = run(2, "0.1", ["east"])
    finally:
        routing.VENUES = venues
    assert 9.9 < after.cost_bps - before.cost_bps < 10.1


def test_the_best_single_venue_is_the_one_of_the_least_mean_cost() -> None:
    """Routing is compared with what one could not have known better."""
    ones = {"routed": [1.0, 1.0], "east": [4.0, 2.0], "west": [2.0, 2.5]}
    found = {name: [Outcome(cost, 1.0, 1) for cost in costs] for name, costs in ones.items()}
    assert best_single(found) == "west"


def test_the_saving_is_against_the_best_single_venue() -> None:
    """A saving against the worst one would be no figure."""
    found = route("0.5", 1)
    assert found[found["best_single"]]["saving_bps"][0] == 0.0
