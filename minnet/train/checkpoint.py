"""Checkpoints: one .npz file without pickle, written whole or not at all, resumed bit for bit.

A checkpoint is {name: state}, where a state is anything with `state_dict` and `load_state_dict`
(model, optimizer, loader, history, monitor) or a numpy Generator.  States are nested dicts, lists,
numbers, strings and arrays: the arrays become entries of the .npz, the rest one JSON text that
refers to them.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..backend import is_array, to_host
from ..data.files import replacing
from ..errors import DataError, MinnetError, StateError
from .monitors import Monitor, check_every

__all__ = ["Checkpoint", "load", "save"]

_FORMAT = "minnet checkpoint 1"


def save(path: str | Path, **parts: Any) -> None:
    """Write the states of the named parts; an existing file is replaced at the end, atomically.

    ``save("run.npz", model=model, optimizer=opt, loader=loader, history=history)``
    Random generators inside modules (dropout) are saved with their module.
    Raises StateError for what cannot be written without pickle; the file is then as before.

    >>> import tempfile
    >>> from minnet.nn import Linear
    >>> one, other = Linear(2, 2, rng=0), Linear(2, 2, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder, "run.npz"), model=one)
    ...     load(Path(folder, "run.npz"), model=other)
    >>> bool((one.weight.data == other.weight.data).all())
    True
    """
    _require_parts("save", parts)
    arrays: dict[str, np.ndarray] = {}
    tree = {name: _pack(_state_of(part), arrays) for name, part in parts.items()}
    text = json.dumps({"format": _FORMAT, "parts": tree})
    buffer = io.BytesIO()
    arrays["meta"] = np.frombuffer(text.encode(), np.uint8)
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    with replacing(path) as file:
        file.write(buffer.getvalue())


def load(path: str | Path, **parts: Any) -> None:
    """Restore the named parts from a checkpoint; after any error they are as before.

    Raises DataError for a missing, truncated or foreign file, StateError for parts or entries that
    do not match.
    """
    _require_parts("load", parts)
    states = _read(path)
    if missing := sorted(set(parts) - set(states)):
        raise StateError(f"{path} holds {sorted(states)}; it has no {missing}.")
    before = {name: _state_of(part) for name, part in parts.items()}
    try:
        for name, part in parts.items():
            _restore(part, states[name])
    except Exception as error:
        for name, part in parts.items():
            _restore(part, before[name])
        if isinstance(error, MinnetError):
            raise
        raise StateError(f"{path} holds a state that cannot be read: {error}.") from error


def _require_parts(who: str, parts: dict[str, Any]) -> None:
    if not parts:
        raise StateError(f"{who} needs parts by name: {who}(path, model=model, optimizer=opt).")


def _state_of(part: Any) -> Any:
    if isinstance(part, np.random.Generator):
        return part.bit_generator.state
    if isinstance(part, type) or not hasattr(part, "state_dict"):
        raise StateError(
            f"a checkpoint holds what has a state_dict, or a Generator; got {type(part).__name__}."
        )
    state = part.state_dict()
    generators = {name: g.bit_generator.state for name, g in _generators(part)}
    return {"state": state, "generators": generators} if generators else {"state": state}


def _generators(part: Any) -> list[tuple[str, np.random.Generator]]:
    """The random generators of the modules of a model: "2" for 2.rng, "2.noise" for another."""
    if not hasattr(part, "named_modules"):
        return []
    return [
        (path if name == "rng" else f"{path}.{name}", value)
        for path, module in part.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, np.random.Generator)
    ]


def _restore(part: Any, state: Any) -> None:
    if isinstance(part, np.random.Generator):
        _set_generator(part, state)
        return
    who = type(part).__name__
    if not isinstance(state, dict) or not {"state"} <= set(state) <= {"state", "generators"}:
        raise StateError(f"the checkpoint holds no state of a {who} under this name.")
    generators, saved = dict(_generators(part)), state.get("generators", {})
    if set(generators) != set(saved):
        raise StateError(
            f"the checkpoint has random generators in modules: {_named(saved)}; {who} has "
            f"{_named(generators)}: build it as it was."
        )
    part.load_state_dict(state["state"])
    for name, rng in generators.items():
        _set_generator(rng, saved[name])


def _named(generators: dict) -> str:
    return ", ".join(map(repr, generators)) or "none"


def _set_generator(rng: np.random.Generator, state: Any) -> None:
    try:
        rng.bit_generator.state = state
    except (TypeError, ValueError, KeyError) as error:
        kind = type(rng.bit_generator).__name__
        raise StateError(f"the checkpoint has no state of a {kind} generator: {error}.") from error


# -------------------------------------------------------------------------------------------------
# Nested states <-> JSON and arrays


def _pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Replace each array in a nested state by {"array": its key}."""
    if isinstance(value, dict):
        return {"dict": [[_key(k), _pack(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [_pack(v, arrays) for v in value]}
    if is_array(value) and not value.dtype.hasobject:  # objects would be pickled
        key = f"array{len(arrays)}"
        arrays[key] = to_host(value)
        return {"array": key}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise StateError(f"a checkpoint holds numbers, text and arrays, got {type(value).__name__}.")


def _key(key: Any) -> Any:
    if isinstance(key, (str, int)):
        return key
    raise StateError(f"a state needs names or integers as keys, got {key!r}.")


def _unpack(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "dict":
        return {key: _unpack(value, arrays) for key, value in content}
    if kind == "list":
        return [_unpack(value, arrays) for value in content]
    return arrays[content]


def _read(path: str | Path) -> dict[str, Any]:
    try:
        content = io.BytesIO(Path(path).expanduser().read_bytes())  # np.load leaves a bad file open
        if not zipfile.is_zipfile(content):
            raise zipfile.BadZipFile("it is no .npz file")
        content.seek(0)
        with np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop("meta").tobytes())
        if meta["format"] != _FORMAT:
            raise KeyError(f"format {meta['format']!r}")
        return {name: _unpack(tree, arrays) for name, tree in meta["parts"].items()}
    except FileNotFoundError as error:
        raise DataError(f"no checkpoint at {path}.") from error
    except Exception as error:  # zipfile, NumPy and JSON raise a dozen kinds on damaged files
        raise DataError(
            f"{path} is not a whole checkpoint ({error}): it is truncated, damaged or another file."
        ) from error


class Checkpoint(Monitor):
    """Write a checkpoint of the run (model, optimizer, loader, history) after every few epochs.

    every_steps: also after every so many optimizer steps, in the middle of an epoch.
    Continue with ``load(path, model=..., optimizer=..., loader=..., history=history)`` and
    ``fit(..., history=history)``: the result equals an uninterrupted run bit for bit.
    """

    def __init__(self, path: str | Path, *, every_epochs: int = 1, every_steps: int | None = None):
        self.path, self.every_epochs = Path(path), check_every(every_epochs)
        self.every_steps = every_steps if every_steps is None else check_every(every_steps)

    def after_step(self, run: Any) -> None:
        """Save when it is time."""
        if self.every_steps is not None and run.t % self.every_steps == 0:
            self._save(run)

    def epoch_end(self, run: Any) -> None:
        """Save when it is time."""
        if run.history.epochs % self.every_epochs == 0:
            self._save(run)

    def _save(self, run: Any) -> None:
        parts = {"model": run.model, "optimizer": run.optimizer}
        save(self.path, **parts, loader=run.loader, history=run.history)
