"""The whole engine in one process, under one clock and one seed: the same roles, real lanes, a venue without sockets.

    python -m engine.chaos --seed 7 --seconds 10

Everything that can go wrong is drawn from the seed: messages are slow, answers are lost, doubled or late, depth diffs
go missing, connections break, roles die between two steps or amid one, freeze, come back, an operator halts.
After every step the invariants are held (`invariants`); at the end the mishaps stop, the engine winds down, and what it
believes is compared with the venue's truth, order for order and fill for fill. Two runs of one seed publish the same
bytes on every lane: the digest says so.

    network     the ports of the roles: messages on their way, with drawn latencies, in order on each connection
    mortality   a death at any write or send of a step
    lanes       real lanes under a random name, and their digests
    roles       how each role is made anew for each of its lives
    world       the clock, the order of steps, the mishaps
    invariants  what must hold, always and at the end
"""
