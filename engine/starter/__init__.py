"""The files of a new system, as `engine-ctl init` writes them: a template, not imported by the engine.

    system.toml      the configuration, with the embedded venue; @NAME@ and @PORT@ are replaced
    follow.py        a strategy of the user's own, beside the configuration
    test_follow.py   its test: python -m unittest
    env.example      the form of the private file with the secrets of a live system
    service.conf     the drop-in for the systemd unit steelyard@@NAME@.service
    README.md        what to do with them

The venue's own configuration is no template: `init` copies `engine/configs/venue.toml`.
"""
