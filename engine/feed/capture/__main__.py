"""`python -m engine.feed.capture`: the same as `engine-ctl capture`, for a configured process."""

import sys

from engine.feed.capture import main

sys.exit(main(sys.argv[1:]))
