"""The embedded venue: a real matching engine behind the wire of a real venue, deterministic and without sockets."""
