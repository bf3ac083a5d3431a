"""The array of the stand-in: a wrapper around a NumPy array, which it never hands out by itself."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from . import cuda
from .counting import COUNTS

_TEXT = Path(__file__).with_name("names.txt").read_text(encoding="utf-8")
_FUNCTIONS, _METHODS = _TEXT.removeprefix("functions").split("\nmethods\n")
NAMES = {"functions": set(_FUNCTIONS.split()), "methods": set(_METHODS.split())}

METADATA = {  # functions whose answers are Python objects on the host
    "shape", "ndim", "size", "can_cast", "result_type", "isscalar", "issubdtype", "promote_types",
    "min_scalar_type", "common_type", "broadcast_shapes", "may_share_memory", "shares_memory",
    "finfo", "iinfo", "dtype", "iscomplexobj", "isrealobj", "format_float_positional",
}  # fmt: skip
READS = {"nonzero", "flatnonzero", "argwhere", "unique", "bincount", "extract", "array_equal"}
WITHOUT = {"initial", "where", "like", "subok"}  # keywords that CuPy's functions do not know
ADDED = {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"}
SCATTERED = "iIlLqQefd"  # dtypes that add.at knows


class ndarray:
    """cupy.ndarray"""

    __slots__ = ("_a", "base", "device")
    __hash__ = None
    __array_priority__ = 100

    @classmethod
    def _new(cls, a, *inputs):
        """Wrap a; it is a view of whichever input's memory it overlaps."""
        self = object.__new__(cls)
        owners = [x for x in inputs if np.may_share_memory(a, x._a) or _root(a) is _root(x._a)]
        owner = owners[0] if owners else None
        self._a, self.base = a, owner if owner is None or owner.base is None else owner.base
        self.device = owners[0].device if owners else cuda.Device()
        return self

    def __init__(self, shape, dtype=float):
        self._a, self.base, self.device = np.empty(shape, dtype), None, cuda.Device()

    # -- what leaves the device -------------------------------------------------------------------

    def _read(self, what):
        COUNTS.note("syncs", f"{what} of {self.shape}")
        return self._a

    def get(self):
        return self._read("get").copy()

    def item(self, *args):
        return self._read("item").item(*args)

    def tolist(self):
        return self._read("tolist").tolist()

    def tobytes(self):
        return self._read("tobytes").tobytes()

    __bool__ = lambda self: bool(self._read("bool"))
    __float__ = lambda self: float(self._read("float"))
    __int__ = lambda self: int(self._read("int"))
    __index__ = lambda self: self._read("index").__index__()
    __repr__ = lambda self: repr(self._read("repr"))
    __str__ = lambda self: str(self._read("str"))
    __format__ = lambda self, spec: format(self._read("format"), spec)

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct "
            "a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **settings):
        if method != "__call__" or ufunc.__name__ not in NAMES["functions"]:
            return NotImplemented
        if out is not None:
            (settings["out"],) = out
        return Ufunc(ufunc)(*inputs, **settings)

    def __array_function__(self, f, types, args, settings):
        if f.__name__ not in NAMES["functions"] or not all(t is ndarray for t in types):
            return NotImplemented
        return function(f.__name__, f)(*args, **settings)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        return _from_host, (self.get(),)

    # -- attributes and methods -------------------------------------------------------------------

    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    nbytes = property(lambda self: self._a.nbytes)
    itemsize = property(lambda self: self._a.itemsize)
    strides = property(lambda self: self._a.strides)
    shape = property(lambda self: self._a.shape)
    T = property(lambda self: _wrapped(self._a.T, [self]))
    mT = property(lambda self: _wrapped(self._a.mT, [self]))
    __len__ = lambda self: len(self._a)
    __iter__ = lambda self: (self[i] for i in range(len(self)))

    @property
    def flags(self):
        f = self._a.flags
        return SimpleNamespace(c_contiguous=f.c_contiguous, f_contiguous=f.f_contiguous,
                               owndata=f.owndata)  # fmt: skip

    def __getattr__(self, name):
        if name not in NAMES["methods"]:
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")
        own = getattr(np.ndarray, name)
        if not callable(own):
            return _wrapped(getattr(self._a, name), [self])
        return lambda *args, **settings: function(name, own)(self, *args, **settings)

    def take(self, indices, axis=None, out=None):
        return _run(np.take, "take", (self, indices), {"axis": axis, "out": out, "mode": "wrap"})

    def __getitem__(self, key):
        return _wrapped(self._a[_key(key, self.shape, reading=True)], [self])

    def __setitem__(self, key, value):
        _refuse_host(value)
        _require_current("setitem", [self])
        self._a[_key(key, self.shape)] = _unwrapped(value)


def _root(a):
    """The array that owns the memory (an empty view shares it too)."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def _from_host(a):
    return ndarray._new(a.copy())


def _operator(name, ufunc):
    def forward(self, other):
        return NotImplemented if _foreign(other) else Ufunc(ufunc)(self, other)

    def backward(self, other):
        return NotImplemented if _foreign(other) else Ufunc(ufunc)(other, self)

    def in_place(self, other):
        Ufunc(ufunc)(self, other, out=self)
        return self

    for prefix, method in ("", forward), ("r", backward), ("i", in_place):
        setattr(ndarray, f"__{prefix}{name}__", method)


def _foreign(other):
    """Objects that bring their own operators, such as minnet's Tensors."""
    return getattr(type(other), "__array_ufunc__", 0) is None


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power, "matmul": np.matmul,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "lshift": np.left_shift, "rshift": np.right_shift,
}.items():  # fmt: skip
    _operator(_name, _ufunc)


def _comparison(ufunc):
    return lambda self, other: NotImplemented if _foreign(other) else Ufunc(ufunc)(self, other)


for _name, _ufunc in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "eq": np.equal, "ne": np.not_equal,
}.items():  # fmt: skip
    setattr(ndarray, f"__{_name}__", _comparison(_ufunc))

for _name, _ufunc in {
    "neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert
}.items():  # fmt: skip
    setattr(ndarray, f"__{_name}__", lambda self, f=_ufunc: Ufunc(f)(self))


# -------------------------------------------------------------------------------------------------
# Functions


class Ufunc:
    """cupy.ufunc: arrays of the device and scalars, nothing else."""

    def __init__(self, own):
        self.own, self.__name__ = own, own.__name__

    def __call__(self, *args, **settings):
        for x in args:
            if not isinstance(x, (ndarray, bool, int, float, complex, np.generic)):
                raise TypeError(f"Unsupported type {type(x)}")
        return _run(self.own, self.__name__, args, settings)

    def __getattr__(self, name):
        if name != "at" or self.own.__name__ not in ADDED:
            raise AttributeError(name)
        return self._at

    def _at(self, total, key, values):
        _refuse_host(total), _refuse_host(values)
        if total.dtype.char not in SCATTERED:
            raise TypeError(f"{self.own.__name__}.at does not know {total.dtype}")
        _require_current("at", [total])
        self.own.at(total._a, _key(key, total.shape, reading=True), _unwrapped(values))


def function(name, own):
    """A function of the module: NumPy's, for arrays of the device."""
    return lambda *args, **settings: _run(own, name, args, settings)


def _run(own, name, args, settings):
    if unknown := {k for k, v in settings.items() if k in WITHOUT}:
        raise TypeError(f"{name}() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    inputs = []
    args = [_unwrapped(a, inputs) for a in args]
    out = settings.get("out")
    settings = {key: _unwrapped(value, inputs) for key, value in settings.items()}
    if name in READS or (name == "where" and len(args) == 1):
        COUNTS.note("syncs", name)
    if name == "take_along_axis":
        axis = settings["axis"] if "axis" in settings else args[2]
        args[1] = args[1] % (args[0].size if axis is None else args[0].shape[axis])
    if name == "pad" and isinstance(args[0], np.ndarray) and args[0].ndim == 0:
        raise TypeError("pad of an array without axes")
    if not inputs and name in ("ascontiguousarray", "concatenate", "stack"):
        raise TypeError(f"Unsupported type {type(args[0])}")
    made = _matmul(*args, **settings) if name == "matmul" else own(*args, **settings)
    if name in METADATA:
        return made
    result = out if out is not None else _wrapped(made, inputs)
    if not any(x is result or x is getattr(result, "base", None) for x in inputs):
        _require_current(name, inputs)  # what is no view was made by a kernel
    return result


def _matmul(a, b, **settings):
    """As cuBLAS does it: factors of 16 bits are added up in float32; bfloat16 has no stacks."""
    kind = np.result_type(a, b)
    if kind.itemsize != 2 or kind.kind in "iu":
        return np.matmul(a, b, **settings)
    if kind.char != "e" and max(a.ndim, b.ndim) > 2:
        raise RuntimeError("CUBLAS_STATUS_NOT_SUPPORTED")
    made = np.matmul(a.astype("f"), b.astype("f"), **settings)
    return made.astype(kind) if "out" not in settings else made


def _require_current(name, inputs):
    for x in inputs:
        if x.device.id != cuda.STATE.current and not (x.size == 0):
            raise RuntimeError(
                f"{name}: the array's device {x.device.id} is not the current device "
                f"{cuda.STATE.current}"
            )


def _unwrapped(x, inputs=None):
    if isinstance(x, ndarray):
        if inputs is not None:
            inputs.append(x)
        return x._a
    if type(x) in (list, tuple):
        return type(x)(_unwrapped(part, inputs) for part in x)
    _refuse_host(x)
    return x


def _refuse_host(x):
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")


def _wrapped(made, inputs):
    if type(made) in (list, tuple) or (isinstance(made, tuple) and hasattr(made, "_fields")):
        return tuple(_wrapped(x, inputs) for x in made)
    for x in inputs:
        if made is x._a:
            return x
    if isinstance(made, (np.ndarray, np.generic, bool)):
        return ndarray._new(np.asarray(made), *inputs)
    return made


def _key(key, shape, reading=False):
    """The key for NumPy: integer arrays wrap around, masks stop the device when read with."""
    parts = list(key) if isinstance(key, tuple) else [key]
    parts = [_part(part, reading) for part in parts]
    used = sum(_axes_of(p) for p in parts if p is not Ellipsis)
    axis, out = 0, []
    for p in parts:
        if isinstance(p, np.ndarray) and p.dtype.kind in "iu" and axis < len(shape):
            p = p % max(shape[axis], 1)
        axis += len(shape) - used if p is Ellipsis else _axes_of(p)
        out.append(p)
    return tuple(out) if isinstance(key, tuple) else out[0]


def _axes_of(part):
    if part is None:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def _part(part, reading):
    if isinstance(part, ndarray):
        if part.dtype == bool and reading:
            COUNTS.note("syncs", "boolean mask")
        return part._a
    if isinstance(part, (list, np.ndarray)):
        COUNTS.note("copies", f"index of type {type(part).__name__}")
        return np.asarray(part, int) if len(np.ravel(part)) == 0 else np.asarray(part)
    return part
