"""What is made from the command line's own definitions: shell completion and the man page.

    engine/cli/parser/ ───▶ definitions.py ──▶ completion.py   engine-ctl completion bash | zsh | fish
                                            └─▶ page.py         engine-ctl man > engine-ctl.1, which a wheel installs

A new command, option or argument appears in both without a further line.
"""
