"""What systemd learns of a system: the supervisor publishes its state, the guard reports it."""
