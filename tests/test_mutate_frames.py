"""The mutator itself: a fuzz whose inputs are all refused by the tokeniser proves nothing."""

import json
import random

from tests.mutate_frames import NESTING_MOST, mutate, spans

FRAME = b'{"id":7,"event":{"e":"report","s":"BTCUSDT","a":[1,{"b":"2.5"}],"x":{}}}'


def test_every_value_of_a_frame_is_found_with_its_key() -> None:
    """A value that is not found is never spoilt."""
    found = [FRAME[one.member : one.end] for one in spans(FRAME)]
    assert found[:4] == [b'"id":7', b'"e":"report"', b'"s":"BTCUSDT"', b"1"]
    assert {b'"b":"2.5"', b'"a":[1,{"b":"2.5"}]', b'"x":{}', FRAME} <= set(found)


def test_most_results_are_json_and_the_rest_cover_depth_and_bytes_that_are_no_text() -> None:
    """Otherwise only the tokeniser is tested."""
    draw, kinds = random.Random(1), {"json": 0, "deep": 0, "torn": 0, "binary": 0}
    for _ in range(4000):
        frame = mutate(draw, FRAME)
        kinds["deep"] += len(frame) > NESTING_MOST
        try:
            json.loads(frame)
            kinds["json"] += 1
        except UnicodeDecodeError:
            kinds["binary"] += 1
        except (ValueError, RecursionError):
            kinds["torn"] += 1
    assert kinds["json"] > 2000
    assert min(kinds.values()) > 10, kinds


def test_a_seed_repeats_a_run() -> None:
    """A frame that broke something must come again."""
    one, two = random.Random(5), random.Random(5)
    assert [mutate(one, FRAME) for _ in range(300)] == [mutate(two, FRAME) for _ in range(300)]
