"""`python -m minnet` is the command `minnet`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
