"""The feed role in a process of its own, against the venues' wire on loopback."""
