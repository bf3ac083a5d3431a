"""Someone's forward and backward behind one interface, whatever shape their results come in."""

import numpy as np

__all__ = ["BadResult", "Subject", "Unfilled", "kind", "outputs"]


class Unfilled(Exception):
    """An exercise that was not done."""


class BadResult(Exception):
    """A function returned something that does not fit its convention.   side: which one."""

    def __init__(self, side, text):
        super().__init__(text)
        self.side = side


class Subject:
    """Someone's functions behind two methods: run(values) and pull(upstream, cache)."""

    def __init__(self, target, names, spec):
        self.target, self.spec = target, spec
        self.forward = names[target.forward]
        self.backward = names[target.backward] if target.backward else None
        self.path = names.get("__file__", "")
        self.missing = names.get("__gradcheck_missing__", [])

    def run(self, values):
        """(output or tuple of outputs, cache); settings in values may be updated."""
        result = self.forward(*(values[name] for name in self.spec.args))
        if self.target.kind == "forward" and not isinstance(result, tuple | list):
            result = (result, None)
        if result is None:
            raise Unfilled(f"{self.target.forward} returns None")
        *outputs, cache = result if isinstance(result, tuple | list) else (result,)
        if len(outputs) != self.spec.outputs:
            wanted = "loss, gradient" if self.target.kind == "loss" else "out, cache"
            wanted = "next_h, next_c, cache" if self.spec.outputs == 2 else wanted
            text = f"{self.target.forward} must return ({wanted}), returns {kind(result)}"
            raise BadResult("forward", text)
        if any(y is None for y in outputs):
            raise Unfilled(f"{self.target.forward} returns None for its output")
        return tuple(outputs) if self.spec.outputs > 1 else outputs[0], cache

    def pull(self, d, cache):
        """Gradients by name, as returned."""
        if self.target.kind == "loss":
            grads = self.name(cache) if isinstance(cache, dict) else {self.spec.grads[0]: cache}
            return {name: scaled(d, g) for name, g in grads.items()}
        arguments = [*d, cache] if self.spec.outputs > 1 else [d, cache]
        names = self.target.backward_arguments
        if len(names) == 2 and "cache" in names[0].lower() and "cache" not in names[1].lower():
            arguments.reverse()
        return self.name(self.backward(*arguments))

    def name(self, raw):
        """A tuple, list, dict or array of gradients by name."""
        names, who = self.spec.grads, self.target.backward or self.target.forward
        if raw is None:
            raise Unfilled(f"{who} returns None")
        if isinstance(raw, dict):
            raw = tuple(raw.get(n, raw.get("d" + n, raw.get("d_" + n))) for n in names)
        elif not isinstance(raw, tuple | list):
            raw = (raw,)
        if len(raw) != len(names):
            wanted = ", ".join("d" + n for n in names)
            text = f"{who} must return ({wanted}), returns {kind(raw)}"
            raise BadResult("backward", text)
        gaps = [f"d{n}" for n, g in zip(names, raw, strict=True) if g is None]
        if gaps:
            reason = f"{who} returns None for {', '.join(gaps)}"
            filled = len(gaps) < len(names) and who not in self.target.templates
            raise BadResult("backward", reason) if filled else Unfilled(reason)
        return dict(zip(names, raw, strict=True))


def outputs(y) -> tuple:
    """The outputs as a tuple, also where there is only one.

    >>> outputs(3.0)
    (3.0,)
    """
    return y if isinstance(y, tuple) else (y,)


def scaled(d, gradient):
    """The gradient of d times a loss."""
    return gradient if gradient is None else float(np.asarray(d)) * np.asarray(gradient)


def kind(result) -> str:
    """How many values, or one of which type, for a message.

    >>> kind((1, 2)), kind(None)
    ('2 values', 'one NoneType')
    """
    if isinstance(result, tuple | list):
        return f"{len(result)} values"
    return f"one {type(result).__name__}"
