"""Fair timing on shared machines: candidates take turns in one process, and medians are compared.

A benchmark is a module with a function that builds its candidates and times them:

    def measure():
        return [compare({"minnet": step, "torch": torch_step}, title="W1", reference="torch")]

    if __name__ == "__main__":
        main(measure)

    python -m tests.benchmarks.NAME --threads 1 [--json]

BLAS reads its number of threads when it is loaded, so `main` starts the module again in a process
whose environment says so.  `--json` writes records/NAME.json beside this file (NAME-2.json for two
threads): the tables, the settings and the versions of what was timed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from time import perf_counter

RECORDS = Path(__file__).parent / "records"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TIMED = ("minnet", "numpy", "scipy", "torch", "cupy")


@dataclass(frozen=True)
class Row:
    """One candidate.   median, low and high quartile: seconds a call;   ratio: to the reference."""

    name: str
    median: float
    low: float
    high: float
    ratio: float


@dataclass(frozen=True)
class Table:
    """Candidates timed together.   ratio: median over the rounds of own / reference's time.

    Neighbours in one round met the same load, so the ratio is steadier than a quotient of medians.
    """

    title: str
    reference: str
    rounds: int
    calls: int
    rows: tuple[Row, ...]

    def __str__(self):
        width = max(len(row.name) for row in self.rows)
        lines = [f"{self.title}   (medians of {self.rounds} rounds of {self.calls} calls)"]
        for row in self.rows:
            lines.append(
                f"  {row.name:{width}}  {1e3 * row.median:10.4f} ms   "
                f"[{1e3 * row.low:.4f}, {1e3 * row.high:.4f}]   {row.ratio:6.3f} x {self.reference}"
            )
        return "\n".join(lines)

    def __getitem__(self, name):
        """The row of that name."""
        return {row.name: row for row in self.rows}[name]


def compare(
    candidates: Mapping[str, Callable[[], object]],
    *,
    title: str = "",
    reference: str | None = None,
    rounds: int = 15,
    calls: int | None = None,
) -> Table:
    """Time every candidate once a round, in an order that rotates, and compare with the reference.

    reference: a candidate's name, the last one if not given.   calls: per candidate and round; if
    not given, as many as fill 20 ms with the slowest (finding this out warms them up).
    """
    reference = reference or list(candidates)[-1]
    calls = calls or enough_calls(candidates.values())
    names = list(candidates)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds[name].append(time_of(candidates[name], calls))
    rows = tuple(summary(name, seconds[name], seconds[reference]) for name in names)
    return Table(title, reference, rounds, calls, rows)


def enough_calls(candidates: Iterable[Callable[[], object]], fill: float = 0.02) -> int:
    """Calls for which the slowest candidate takes about `fill` seconds, each warmed up by one."""
    candidates = list(candidates)
    for f in candidates:
        f()
    return max(1, round(fill / max(time_of(f, 1) for f in candidates)))


def time_of(f: Callable[[], object], calls: int) -> float:
    """Seconds a call of f, over that many calls."""
    began = perf_counter()
    for _ in range(calls):
        f()
    return (perf_counter() - began) / calls


def summary(name: str, own: list[float], reference: list[float]) -> Row:
    """Median, quartiles and the median of the rounds' ratios."""
    ranked = sorted(own)
    low, high = ranked[len(ranked) // 4], ranked[-1 - len(ranked) // 4]
    ratio = median(a / b for a, b in zip(own, reference, strict=True))
    return Row(name, median(own), low, high, ratio)


def main(measure: Callable[[], Iterable[Table]]) -> None:
    """Command line of a benchmark module: set the threads, measure, print, and record if asked."""
    spec = sys.modules["__main__"].__spec__
    assert spec is not None, "run a benchmark with python -m"
    module = spec.name
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=measure.__doc__)
    parser.add_argument("--threads", type=int, default=1, help="of BLAS and PyTorch (default 1)")
    parser.add_argument("--json", action="store_true", help="write a file in records/")
    options = parser.parse_args()
    wanted = dict.fromkeys(THREADS, str(options.threads))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        raise SystemExit(subprocess.run(command, env={**os.environ, **wanted}).returncode)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(options.threads)
    tables = []
    for table in measure():
        print(table, flush=True)
        tables.append(table)
    if options.json:
        several = "" if options.threads == 1 else f"-{options.threads}"
        record(module.split(".")[-1] + several, tables, options.threads)


def record(name: str, tables: list[Table], threads: int, folder: Path = RECORDS) -> Path:
    """Write the tables, the number of threads and the versions as folder/name.json."""
    content = {
        "threads": threads,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", "chosen by OpenBLAS"),
        "versions": versions(),
        "tables": [asdict(table) for table in tables],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return partial.replace(path)


def versions() -> dict[str, str]:
    """Versions of the timed libraries that are loaded."""
    loaded = {}
    for name in TIMED:
        module = sys.modules.get(name)
        if module is not None:
            loaded[name] = str(getattr(module, "__version__", None) or installed_version(name))
    return loaded


def installed_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "checkout"
