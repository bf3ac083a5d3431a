"""Zoos: small programs with one planted fault each, healthy ones beside them, and their scores.

`python -m lessons.zoo` (installed: `python -m minnet_lessons.zoo`) runs the zoo of training
programs under `minnet.sanity.Doctor`, prints precision and recall, and writes ``scores.md``.
"""
