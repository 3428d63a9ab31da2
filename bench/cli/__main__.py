"""`python -m graph_distillery.bench.cli`, the same as `distillery`."""

from __future__ import annotations

import sys

from graph_distillery.bench.cli import main

if __name__ == "__main__":  # a worker process imports this module too
    sys.exit(main())
