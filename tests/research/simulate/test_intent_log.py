"""The log of intents: each decision of a strategy, in order, with the time at which it was made."""

import numpy as np

from engine.model.records import INTENT
from engine.model.words import IntentKind, Reason
from research.simulate import simulate
from research.simulate.samples import Quoter
from tests.research.simulate.tapes import BTC, ETH, Script, Scripted, models, tape


def test_a_strategy_s_intents_are_logged_with_their_time_and_price() -> None:
    """A comparison of two runs needs every decision, also those that risk refused."""
    found, log = bytearray(), []
    parameters = {"script": Script(3, (BTC, ETH)), "log": log}
    result = simulate(
        tape(3, 3_000), Scripted, instruments=[BTC, ETH], models=models(3), parameters=parameters, intents=found
    )
    intents = np.frombuffer(bytes(found), INTENT.dtype)
    placed = intents[intents["kind"] == IntentKind.PLACE]
    refused = [one for one in log if one[0] == "refusal" and one[3] != Reason.NOT_AMENDABLE]
    assert len(placed) == len(result.orders) + len(refused)
    assert {IntentKind.CANCEL, IntentKind.CANCEL_ALL} <= set(intents["kind"])
    sent = placed[np.isin(placed["intent_id"], result.orders["intent_id"])]
    assert (sent["price"] == result.orders["price"]).all()
    assert (sent["now_ns"] == result.orders["submit_ns"]).all()


def test_a_compiled_strategy_s_intents_are_logged_too() -> None:
    """A compiled strategy can know the future as well."""
    found = bytearray()
    result = simulate(
        tape(3, 3_000, (BTC,)), Quoter(1, 20), instruments=[BTC], models=models(5), called="event", intents=found
    )
    intents = np.frombuffer(bytes(found), INTENT.dtype)
    placed, cancels = intents[intents["kind"] == IntentKind.PLACE], intents[intents["kind"] == IntentKind.CANCEL]
    assert len(placed) == len(result.orders) + result.refused
    assert len(cancels) > 10
    assert result.refused or (placed["price"] == result.orders["price"]).all()
