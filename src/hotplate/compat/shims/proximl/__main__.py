"""`python -m proximl`: as in the real package."""

import sys

from proximl._command_line import main

sys.exit(main())
