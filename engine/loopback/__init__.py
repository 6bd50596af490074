"""A venue on loopback: a true matching engine behind real venues' own wires, deterministic and without sockets."""
