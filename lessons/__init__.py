"""The course: notebooks, the checks behind their exercises, and the zoos of planted faults."""
