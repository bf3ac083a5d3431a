"""Compare the labels with the expected ones: `python -m tests.gradcheck.students.labels`."""

import re
import sys
from pathlib import Path

from gradcheck.files.runner import check_file

FOLDER = Path(__file__).parent
FILES = sorted(p.stem for p in FOLDER.glob("*.py") if p.stem not in {"__init__", "labels"})


def expected(name):
    """{target: label} from the comment of a file."""
    line = re.search(r"^# labels: (.*)$", (FOLDER / f"{name}.py").read_text(), re.M)[1]
    return dict(part.strip().split("=") for part in line.split(","))


def found(name, **options):
    """The FileReport of a file and {target: label}."""
    report = check_file(FOLDER / f"{name}.py", **options)
    return report, {v.name: v.label for v in report.verdicts}


def main(names):
    """Print every function whose label is not the expected one; exit code 1 if there is any."""
    total = wrong = accused = 0
    for name in names or FILES:
        wanted = expected(name)
        report, labels = found(name)
        total += len(wanted)
        for target in wanted | labels:
            if labels.get(target) != wanted.get(target):
                wrong += 1
                accused += wanted.get(target) == "right"
                why = next((v.text for v in report.verdicts if v.name == target), "not found")
                want, got = wanted.get(target), labels.get(target)
                print(f"{name}: {target}: {want} expected, {got}: {why}")
    print(f"{len(names or FILES)} files, {total} functions, {wrong} wrong labels, "
          f"{accused} right functions accused")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
