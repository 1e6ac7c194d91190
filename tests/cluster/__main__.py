"""`python3 tests/cluster COMMAND`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from cluster.commands import main

    main(sys.argv[1:])
