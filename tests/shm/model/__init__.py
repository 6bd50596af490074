"""An exhaustive explorer of weak memory, and the protocol of the ring written for it."""
