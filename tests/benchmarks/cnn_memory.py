"""Peak resident memory of W3 and W4: three training steps in a fresh process each.

    python -m tests.benchmarks.cnn_memory [--json]

The figure includes Python, NumPy and minnet.  Needs a system with `resource` (Linux, macOS).
"""

import argparse
import json
import os
import resource
import subprocess
import sys

from minnet import functional as F
from minnet import nn, optim
from tests.benchmarks.cnn_models import WORKLOADS, data, step
from tests.benchmarks.timing import RECORDS, THREADS


def peak(title):
    """Megabytes (10^6 bytes) at the peak of this process, after three steps of a workload."""
    build, shape = WORKLOADS[title]
    model = build(nn, nn.Residual)
    x, y = data(shape)
    optimizer = optim.Momentum(model.parameters(), lr=1e-7, momentum=0.9, weight_decay=5e-4)
    run = step(model, optimizer, F.cross_entropy, x, y)
    for _ in range(3):
        run()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measured():
    """{workload: megabytes}, each in a process of its own with one thread."""
    env = {**os.environ, **dict.fromkeys(THREADS, "1")}
    command = [sys.executable, "-m", "tests.benchmarks.cnn_memory", "--one"]
    found = {}
    for title in WORKLOADS:
        out = subprocess.run([*command, title], env=env, capture_output=True, text=True, check=True)
        found[title] = round(float(out.stdout), 1)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cnn_memory")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="write a file in records/")
    options = parser.parse_args()
    if options.one:
        print(peak(options.one))
    else:
        figures = measured()
        for title, megabytes in figures.items():
            print(f"{megabytes:7.1f} MB   {title}")
        if options.json:
            RECORDS.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"peak_megabytes": figures}, indent=1) + "\n"
            (RECORDS / "cnn_memory.json").write_text(text, encoding="utf-8")
