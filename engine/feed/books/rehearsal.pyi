from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.venues.market import Rule

class Understudy(Track): ...

class Rehearsal:
    def __init__(self, outbox: Outbox, rule: Rule) -> None: ...
    def go(self, port: object, pipeline: Pipeline, now_ns: int) -> None: ...
