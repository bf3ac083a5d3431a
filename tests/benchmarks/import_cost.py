"""`import minnet, gradcheck` in a fresh process: at most 1.5 times `import numpy`."""

import subprocess
import sys

from tests.benchmarks.timing import compare, main


def importing(statement):
    """A call that starts Python, runs the statement and waits for the end."""
    return lambda: subprocess.run([sys.executable, "-c", statement], check=True)


def measure():
    """Time of a process that imports, its start included; the last lines leave the start out."""
    ours = ("import minnet, gradcheck", "import minnet", "import gradcheck")
    statements = ("pass", *ours, "import numpy")
    table = compare(
        {statement: importing(statement) for statement in statements},
        title="a process that runs",
        rounds=15,
        calls=1,
    )
    yield table
    start = table["pass"].median
    numpy = table["import numpy"].median - start
    for statement in ours:
        print(f"  {statement}: {(table[statement].median - start) / numpy:.2f} x import numpy")


if __name__ == "__main__":
    main(measure)
