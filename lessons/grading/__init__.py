"""Grading a folder of notebooks: offline, each in its own process, the same on every run."""

from .submissions import Submission, find
from .table import Grade, grade, table, write_csv

__all__ = ["Grade", "Submission", "find", "grade", "table", "write_csv"]
