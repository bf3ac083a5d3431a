"""Compare labels with the expected ones: `python -m tests.gradcheck.students.labels [NAME ...]`.

A NAME is a file of a bank without its ending, or a bank: students, students_blind. Default: both.
"""

import re
import sys
from pathlib import Path

from gradcheck.files.runner import check_file

HERE = Path(__file__).parent
BANKS = {
    bank: {p.stem: p for p in sorted((HERE.parent / bank).glob("[!_]*.py")) if p != Path(__file__)}
    for bank in ("students", "students_blind")
}
FILES = {name: path for bank in BANKS.values() for name, path in bank.items()}


def expected(name):
    """{target: label} from the comment of a file."""
    line = re.search(r"^# labels: (.*)$", FILES[name].read_text(encoding="utf-8"), re.M)[1]
    return dict(part.strip().split("=") for part in line.split(","))


def found(name, **options):
    """The FileReport of a file and {target: label}."""
    report = check_file(FILES[name], **options)
    return report, {v.name: v.label for v in report.verdicts}


def main(names):
    """Print every function whose label is not the expected one; exit code 1 if there is any."""
    total = wrong = accused = 0
    names = [name for given in names or BANKS for name in BANKS.get(given, [given])]
    for name in names:
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
    print(f"{len(names)} files, {total} functions, {wrong} wrong labels, "
          f"{accused} right functions accused")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
