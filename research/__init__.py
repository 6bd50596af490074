"""Research looks on and never touches: it attaches read-only and registers nowhere."""
