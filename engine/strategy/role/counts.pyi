class Counts:
    steps: int
    intents: int
    intents_refused_full: int
    laps: int
    recoveries: int
