"""`python -m engine.demo`: the whole engine, trading at the embedded venue."""

import sys

from engine.demo.trading import main

sys.exit(main())
