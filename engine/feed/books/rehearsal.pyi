from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.venues.market import Rule

class WarmTrack(Track): ...

class Rehearsal:
    def __init__(self, outbox: Outbox, rule: Rule) -> None: ...
    def warm_up(self, port: object, pipeline: Pipeline, now_ns: int) -> None: ...
