"""The embedded venue: a real matching engine with the wire of a real venue, deterministic and without sockets."""
