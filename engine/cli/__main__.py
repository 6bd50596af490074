"""`python -m engine.cli`: the same as `engine-ctl`."""

import sys

from engine.cli import main

sys.exit(main())
