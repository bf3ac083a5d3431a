"""`import minnet, gradcheck` in a fresh process: at most 1.5 times `import numpy`.

Python keeps compiled files beside an installed package, and reads those from the second import on;
so do the processes here, in a folder of their own, whatever the environment says about writing
them.  "compiled each time" is what an environment that forbids it pays.
"""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from tests.benchmarks.timing import compare, main

OURS = ("import minnet, gradcheck", "import minnet", "import gradcheck")
COMPILED = "import minnet, compiled each time"


def importing(statement, **environment):
    """A call that starts Python, runs the statement and waits for the end."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env = {**inherited, **environment}
    return lambda: subprocess.run([sys.executable, "-c", statement], check=True, env=env)


def measure():
    """Time of a process that imports, its start included; the last lines leave the start out."""
    with TemporaryDirectory() as cache, TemporaryDirectory() as empty:
        statements = ("pass", *OURS, "import numpy")
        candidates = {s: importing(s, PYTHONPYCACHEPREFIX=cache) for s in statements}
        for warm in candidates.values():
            warm()
        # numpy's own compiled files are kept: only ours are compiled again
        partly = f"import numpy, sys; sys.pycache_prefix = {empty!r}; import minnet"
        candidates[COMPILED] = importing(
            partly, PYTHONPYCACHEPREFIX=cache, PYTHONDONTWRITEBYTECODE="1"
        )
        table = compare(
            candidates,
            title="a process that runs",
            reference="import numpy",
            rounds=25,
            calls=1,
        )
    yield table
    start = table["pass"].median
    numpy = table["import numpy"].median - start
    for statement in (*OURS, COMPILED):
        print(f"  {statement}: {(table[statement].median - start) / numpy:.2f} x import numpy")


if __name__ == "__main__":
    main(measure)
