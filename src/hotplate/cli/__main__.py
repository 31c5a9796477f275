"""`python -m hotplate.cli`: the same as the `hotplate` command."""

import sys

from hotplate.cli import main

sys.exit(main())
