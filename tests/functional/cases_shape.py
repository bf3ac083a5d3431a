"""Cases of operations that rearrange elements."""

CASES = {
    "broadcast_to": [
        ({"shape": (2, 4, 3)}, [(1, 3)]),
        ({"shape": (2, 3)}, [()]),
        ({"shape": (2, 3)}, [(2, 3)]),
        ({"shape": (0, 3)}, [(1, 3)]),
    ],
    "concatenate": [
        ({}, [(2, 3), (1, 3)]),
        ({"axis": 1}, [(2, 3), (2, 1), (2, 2)]),
        ({"axis": -1}, [(2, 3), (2, 0)]),
        ({"axis": None}, [(2, 3), (4,)]),
    ],
    "expand_dims": [({"axis": 1}, [(2, 3)]), ({"axis": (0, -1)}, [(2, 3)]), ({"axis": 0}, [()])],
    "flip": [({}, [(2, 3)]), ({"axis": 0}, [(3, 3)]), ({"axis": (0, -1)}, [(2, 3, 2)])],
    "pad": [
        ({"pad_width": 1}, [(2, 3)]),
        ({"pad_width": (1, 2)}, [(2, 2)]),
        ({"pad_width": ((0, 2), (1, 0)), "constant_values": 3.0}, [(2, 3)]),
        ({"pad_width": ((1, 1),), "constant_values": -1.0}, [(0,)]),
    ],
    "ravel": [({}, [(2, 3)]), ({}, [()]), ({}, [(0, 2)])],
    "reshape": [
        ({"shape": (3, 2)}, [(2, 3)]),
        ({"shape": -1}, [(2, 3)]),
        ({"shape": (2, -1, 2)}, [(4, 3)]),
        ({"shape": ()}, [(1, 1)]),
        ({"shape": (0, 5)}, [(3, 0)]),
    ],
    "split": [
        ({"indices_or_sections": 3}, [(6, 2)]),
        ({"indices_or_sections": [1, 4], "axis": -1}, [(2, 5)]),
        ({"indices_or_sections": [2, 2, 9], "axis": 1}, [(2, 3)]),
    ],
    "squeeze": [({}, [(1, 3, 1)]), ({"axis": 0}, [(1, 3, 1)]), ({"axis": (0, -1)}, [(1, 3, 1)])],
    "stack": [
        ({}, [(2, 3), (2, 3)]),
        ({"axis": 1}, [(3, 3), (3, 3), (3, 3)]),
        ({"axis": -1}, [(2, 3), (2, 3)]),
        ({}, [(), ()]),
    ],
    "swapaxes": [({"axis1": 0, "axis2": 2}, [(2, 3, 4)]), ({"axis1": -1, "axis2": 0}, [(3, 3)])],
    "transpose": [
        ({}, [(2, 3, 4)]),
        ({"axes": (1, 2, 0)}, [(2, 3, 4)]),
        ({"axes": (-1, 0, 1)}, [(3, 3, 3)]),
        ({"axes": (3, 0, -2, 1)}, [(2, 3, 4, 1)]),
        ({}, [()]),
    ],
}

REFERENCES = {"reshape": lambda x, shape: x.reshape(shape)}

CALLS = {
    "concatenate": lambda f, *arrays, **settings: f(arrays, **settings),
    "stack": lambda f, *arrays, **settings: f(arrays, **settings),
    "split": lambda f, x, **settings: f(x, **settings)[1],
}
