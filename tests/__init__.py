"""Tests as one package: `python -m tests.benchmarks.NAME` runs, file names may repeat."""
