"""Every exception gradcheck raises on purpose; each is also the built-in type one would expect.

GradcheckError
├── InputError       (ValueError)      an option, a shape or a value that the check cannot work with
├── DTypeError       (TypeError)       integer or complex arrays, or a thing that is not an array
├── CallError        (RuntimeError)    a function under check raised, or returned the wrong thing
└── GradientMismatch (AssertionError)  an `assert_*` function found a wrong gradient; see `.report`

Messages say who complains, what it needs, what it got and what to do.
"""

__all__ = ["CallError", "DTypeError", "GradcheckError", "GradientMismatch", "InputError"]


class GradcheckError(Exception):
    """Root of all exceptions that gradcheck raises on purpose."""


class InputError(GradcheckError, ValueError):
    """An option, a shape or a value that the check cannot work with."""


class DTypeError(GradcheckError, TypeError):
    """Integer or complex arrays where real ones are needed, or a thing that is not an array."""


class CallError(GradcheckError, RuntimeError):
    """A function under check raised, or returned something other than promised."""


class GradientMismatch(GradcheckError, AssertionError):
    """A gradient is wrong (or could not be judged): `.report` holds the whole Report."""

    def __init__(self, report):
        super().__init__(str(report))
        self.report = report

    def __reduce__(self):
        return type(self), (self.report,)
