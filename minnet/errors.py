"""Every exception minnet raises on purpose; each is also the built-in type a caller would expect.

MinnetError
├── DTypeError      (TypeError)        a wrong type or dtype
├── DataError       (OSError)          a data file that is missing, truncated or not what it claims
├── DeviceError     (ValueError)       operands on different devices, or no usable device
├── GraphError      (RuntimeError)     the graph of gradients is missing, freed or was edited
├── IndexRangeError (ValueError, IndexError)  an axis or a position that an array does not have
├── NonFiniteError  (ArithmeticError)  a NaN or Inf, and the operation that made it first
├── ShapeError      (ValueError)       sizes or ranks that do not fit
├── StateError      (ValueError)       a state_dict or checkpoint that does not match its owner
├── TrainingError   (RuntimeError)     training cannot go on: a NaN loss, a required check failed
└── ValueRangeError (ValueError)       a value outside its range: a label, a rate, a probability

Messages say who complains, what it needs, what it got and what to do.
"""

__all__ = [
    "DTypeError",
    "DataError",
    "DeviceError",
    "GraphError",
    "IndexRangeError",
    "MinnetError",
    "NonFiniteError",
    "ShapeError",
    "StateError",
    "TrainingError",
    "ValueRangeError",
]


class MinnetError(Exception):
    """Root of all exceptions that minnet raises on purpose."""


class ShapeError(MinnetError, ValueError):
    """Sizes or ranks that do not fit together."""


class ValueRangeError(MinnetError, ValueError):
    """A value outside its range: a label, a learning rate, a probability."""


class IndexRangeError(MinnetError, ValueError, IndexError):
    """An axis or a position that an array does not have."""


class DTypeError(MinnetError, TypeError):
    """A wrong type or dtype."""


class DeviceError(MinnetError, ValueError):
    """Operands on different devices, or no usable device."""


class GraphError(MinnetError, RuntimeError):
    """The graph of gradients is missing, was freed, or a saved array was edited."""


class StateError(MinnetError, ValueError):
    """A state_dict, checkpoint or optimizer state that does not match its owner."""


class DataError(MinnetError, OSError):
    """A data file that is missing, truncated, or not what it claims to be."""


class NonFiniteError(MinnetError, ArithmeticError):
    """A NaN or Inf; the message names the operation that made it first."""


class TrainingError(MinnetError, RuntimeError):
    """Training cannot go on: the loss is not finite, or a required check has failed."""
