"""Research reads the engine's lanes without any effect: it attaches read-only and registers nowhere."""
