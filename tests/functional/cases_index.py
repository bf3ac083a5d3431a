"""Cases of indexing, with positions that repeat (PF-C3)."""

import numpy as np

MASK = np.array([[True, False, True], [False, True, True]])
KEYS_2D = [
    0,
    -1,
    slice(1, None),
    slice(None, None, -1),
    (slice(None), 1),
    (slice(None), slice(0, 3, 2)),
    (Ellipsis, 0),
    (None, slice(None), None),
    (0, 1),
    [0, 0, 1],
    np.array([0, -2, 1, 1]),
    np.array([[0, 1], [1, 1]]),
    (np.array([0, 0, 1]), np.array([2, 2, 0])),
    (np.array([[0], [1]]), np.array([1, 1])),
    (slice(None), np.array([1, 1, 0])),
    (slice(None), [2, 2]),
    (0, np.array([1, 1])),
    MASK,
    MASK[:, 0],
    (slice(None), np.array([True, False, True])),
    np.zeros((2, 3), bool),
    slice(2, 2),
    (),
    Ellipsis,
]

CASES = {
    "index": [
        *(({"key": key}, [(2, 3)]) for key in KEYS_2D),
        ({"key": (slice(None), [0, 0], slice(1, None))}, [(2, 3, 4)]),
        ({"key": ([0, 0], slice(None), [1, 1])}, [(2, 3, 4)]),
        ({"key": ()}, [()]),
        ({"key": None}, [()]),
    ],
    "take_along_axis": [
        ({"axis": 1}, [(2, 3), np.array([[2, 2], [0, -1]])]),
        ({"axis": 0}, [(3, 3), np.array([[2, 1, 1]])]),
        ({"axis": -1}, [(2, 1, 4), np.zeros((2, 1, 3), int)]),
        ({"axis": None}, [(2, 3), np.array([5, 5, 0])]),
    ],
}

REFERENCES = {"index": lambda x, key: x[key]}
CALLS: dict = {}
