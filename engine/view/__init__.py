"""The terminal's screens: a running system's figures, made to fit the window."""
