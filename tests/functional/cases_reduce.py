"""Cases of reductions: square arrays hide a forgotten axis, so both kinds stand here."""

import numpy as np

from .oracle import distinct, positive


def _over(recipe, shapes=((3, 3), (2, 3, 4))):
    """Every axis, tuples of axes, negative axes, keepdims both ways (PF-A9)."""
    axes = [None, 0, 1, -1, (0, 1), (-1, 0)]
    return [
        ({"axis": axis, "keepdims": keep}, [recipe(shape)])
        for shape in shapes
        for axis in axes
        for keep in (False, True)
    ]


def _normal(shape):
    return shape


WITH_EMPTY = [({}, [()]), ({}, [(0, 3)]), ({"axis": 0}, [(0, 3)]), ({"axis": 1}, [(0, 3)])]
NOT_OVER_NOTHING = [({"axis": 1}, [(0, 3)]), ({"axis": -1, "keepdims": True}, [(0, 3)])]
BATCH_OF_ONE = [({"axis": 1}, [(1, 5)]), ({"axis": 0}, [(1, 5)])]
WITH_ZEROS = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 1.5], [1.0, -2.0, 0.5]])

CASES = {
    "cumsum": [
        ({}, [(2, 3)]),
        ({"axis": 0}, [(3, 3)]),
        ({"axis": -1}, [(2, 3, 4)]),
        ({}, [()]),
        ({"axis": 1}, [(0, 3)]),
    ],
    "max": [*_over(distinct), *NOT_OVER_NOTHING, ({"axis": 1}, [distinct((1, 5))]), ({}, [()])],
    "mean": [*_over(_normal), *NOT_OVER_NOTHING, *BATCH_OF_ONE, ({}, [()])],
    "min": [*_over(distinct), *NOT_OVER_NOTHING, ({"axis": 1}, [distinct((1, 5))]), ({}, [()])],
    "norm": [*_over(positive), *WITH_EMPTY[1:3], *NOT_OVER_NOTHING, ({}, [positive(())])],
    "prod": [
        *_over(_normal),
        *WITH_EMPTY,
        ({}, [lambda rng: WITH_ZEROS]),
        ({"axis": 0}, [lambda rng: WITH_ZEROS]),
        ({"axis": 1, "keepdims": True}, [lambda rng: WITH_ZEROS]),
        ({"axis": 1}, [(2, 5, 3)]),
        ({"axis": 0}, [(1, 2)]),
    ],
    "std": [*_over(_normal), ({"ddof": 1, "axis": 0}, [(4, 2)]), *NOT_OVER_NOTHING],
    "sum": [*_over(_normal), *WITH_EMPTY, *BATCH_OF_ONE, ({"axis": ()}, [(2, 3)])],
    "var": [
        *_over(_normal),
        ({"ddof": 1, "axis": 0}, [(4, 2)]),
        ({"ddof": 1, "axis": (0, 2)}, [(2, 3, 2)]),
        *NOT_OVER_NOTHING,
        *BATCH_OF_ONE,
        ({}, [()]),
    ],
}

REFERENCES = {
    "norm": lambda x, axis=None, keepdims=False: np.sqrt((x**2).sum(axis, keepdims=keepdims)),
}
