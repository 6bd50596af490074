"""The venues' wires, both ways: one folder a venue."""
