"""The whole engine in one process, with one clock and one seed: the same roles, real lanes, a venue without sockets.

    python -m engine.chaos --seed 7 --seconds 10

Every fault is drawn from the seed: messages are slow, answers are lost, doubled or late, depth diffs are missing,
connections break, roles die between two steps or in a step, freeze, start again, an operator halts. The invariants are
checked after every step (`invariants`). At the end the faults stop, the engine drains, and its orders, fills and
positions are compared with the venue's truth log. Two runs of one seed publish the same bytes on every lane; equal
digests prove it.

    network     the roles' ports: messages with drawn latencies, in order on each connection
    mortality   the death of a role at any write or send of a step
    lanes       real lanes under a random name, and their digests
    roles       builds each role for each of its lives
    world       the clock, the order of steps, the faults
    invariants  what must hold after every step and at the end
    in_flight   what must hold before every request that ends an order

Worlds with further parts: `attended` (the canceller), `commanded` (an operator and the supervisor's halt and settings;
`scope_watch` checks them), `disk_faults` (the journal's disk), `supervised` (the whole supervisor; `machine` has the
processes that it starts).
"""
