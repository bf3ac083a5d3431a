"""Measurements, run by hand: `python -m tests.benchmarks.NAME --threads 1 [--json]`."""
