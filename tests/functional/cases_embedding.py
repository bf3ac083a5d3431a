"""Cases of the embedding."""

import numpy as np

IDS = np.array([2, 0, 2, 2])                       # repeated: gradients add up
CASES = {
    "embedding": [
        ({}, [IDS, (3, 2)]),
        ({}, [np.array([[1, 1, 0], [3, 0, 1]]), (4, 3)]),
        ({}, [np.zeros((0, 2), int), (3, 2)]),
        ({}, [np.array(1), (2, 5)]),
    ],
}
# a frozen row takes part in the value, not in the gradient: see test_embedding.py
REFERENCES = {"embedding": lambda ids, W, padding_idx=None: W[ids]}
