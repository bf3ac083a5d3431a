"""Kernels without a GPU: the same CUDA text, compiled by the host's C++ compiler.

One C++ thread plays each CUDA thread of a block, with a barrier for __syncthreads(); blocks follow
one another.  Slow, but the arithmetic and every index are those of the kernel.
"""

import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from .array import ndarray

COMPILER = shutil.which("g++") or shutil.which("clang++")
C_NAMES = {
    "f": "float", "d": "double", "l": "long long", "q": "long long", "L": "unsigned long long",
    "Q": "unsigned long long", "i": "int", "?": "bool",
}  # fmt: skip
TYPES = {"int64": "q", "uint64": "Q", "float32": "f", "float64": "d"}


def parse(params):
    """[(raw, type, name)] of CuPy's parameter list."""
    found = []
    for param in filter(None, (p.strip() for p in params.split(","))):
        *raw, kind, name = param.split()
        found.append((bool(raw), kind, name))
    return found


def plain_text(kernel, chars):
    """An element-wise kernel as one C function over pointers; chars: {letter: type code}.

    This is also what the compile check gives to NVRTC.
    """
    types = "".join(f"typedef {C_NAMES[char]} {letter};\n" for letter, char in chars.items())
    params, lines = [], []
    for raw, kind, name in parse(kernel.inputs):
        kind = C_NAMES[TYPES[kind]] if kind in TYPES else kind
        params.append(f"const {kind}* {name}{'' if raw else '_'}")
        lines += [] if raw else [f"const {kind} {name} = {name}_[i];"]
    for raw, kind, name in parse(kernel.outputs):
        kind = C_NAMES[TYPES[kind]] if kind in TYPES else kind
        params.append(f"{kind}* {name}{'' if raw else '_'}")
        lines += [] if raw else [f"{kind}& {name} = {name}_[i];"]
    head = f'extern "C" __global__ void minnet_{kernel.name}({", ".join(params)}, long long size)'
    loop = "for (long long i = START; i < size; i += STEP)"
    return f"{types}{head} {{\n{loop} {{\n{' '.join(lines)}\n{kernel.body}\n}}\n}}\n"


HOST = """
#include <barrier>
#include <cmath>
#include <thread>
#include <vector>
using namespace std;
#define __global__
#define __device__ static
#define __shared__ static
#define START 0
#define STEP 1
template <class T> void atomicAdd(T* place, T value) { *place += value; }
struct Place { unsigned x; };
thread_local Place threadIdx;
static Place blockIdx, blockDim;
static barrier<>* together;
#define __syncthreads() together->arrive_and_wait()
"""

LAUNCHER = """
extern "C" void launch(unsigned grid, unsigned block{params}) {{
    blockDim.x = block;
    for (unsigned b = 0; b < grid; ++b) {{
        blockIdx.x = b;
        barrier<> all(block);
        together = &all;
        vector<thread> threads;
        for (unsigned t = 0; t < block; ++t)
            threads.emplace_back([=] {{ threadIdx.x = t; {name}({args}); }});
        for (auto& thread : threads) thread.join();
    }}
}}
"""


@cache
def library(text):
    """The text compiled and loaded; warnings that NVRTC would give are errors."""
    folder = Path(tempfile.gettempdir(), "minnet-kernels")
    folder.mkdir(exist_ok=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.so"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder) as room:
            source, made = Path(room, "kernel.cpp"), Path(room, "kernel.so")
            source.write_text(text, encoding="utf-8")
            flags = ["-std=c++20", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-pthread"]
            done = subprocess.run(
                [COMPILER, *flags, str(source), "-o", str(made)], capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            made.replace(path)
    return ctypes.CDLL(str(path))


class ElementwiseKernel:
    """cupy.ElementwiseKernel"""

    launches: list[str] = []

    def __init__(self, in_params, out_params, operation, name):
        self.inputs, self.outputs, self.body = in_params, out_params, operation
        self.name = name.removeprefix("minnet_")

    def __call__(self, *args):
        inputs, outputs = parse(self.inputs), parse(self.outputs)
        given, made = args[: len(inputs)], args[len(inputs) :]
        assert len(made) in (0, len(outputs)), "all outputs or none"
        assert not any(isinstance(a, np.ndarray) for a in args), "a host array"
        chars = self._chars([*inputs, *outputs], args)
        shapes = [a.shape for (raw, *_), a in zip(inputs, given, strict=False)
                  if not raw and isinstance(a, ndarray)]  # fmt: skip
        filled = [a.shape for (raw, *_), a in zip(outputs, made, strict=False) if not raw]
        shape = np.broadcast_shapes(*shapes, *filled)
        arrays = [
            np.ascontiguousarray(_host(a, char) if raw else np.broadcast_to(_host(a, char), shape))
            for (raw, *_), a, char in zip(inputs, given, self._types(inputs, chars), strict=True)
        ]
        results = [np.empty(shape, char) for char in self._types(outputs, chars)]
        results = [out._a.copy() for out in made] or results
        text = HOST + plain_text(self, chars)
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in [*arrays, *results]]
        size = ctypes.c_longlong(int(np.prod(shape)))
        getattr(library(text), f"minnet_{self.name}")(*pointers, size)
        self.launches.append(self.name)
        for result, out in zip(results, made, strict=False):
            out._a[...] = result
        found = list(made) or [ndarray._new(r) for r in results]
        return found[0] if len(found) == 1 else tuple(found)

    def _chars(self, params, args):
        """The type of each letter, from the arrays; CuPy does not look at numbers either."""
        chars = {}
        for (_, kind, name), a in zip(params, args, strict=False):
            if kind not in TYPES and isinstance(a, ndarray):
                assert chars.setdefault(kind, a.dtype.char) == a.dtype.char, f"type of {name}"
        return chars

    def _types(self, params, chars):
        return [TYPES.get(kind) or chars[kind] for _, kind, _ in params]


def _host(a, char):
    return a._a if isinstance(a, ndarray) else np.asarray(a, char)


class RawKernel:
    """cupy.RawKernel"""

    def __init__(self, code, name):
        self.code, self.name = code, name

    def __call__(self, grid, block, args):
        assert all(isinstance(a, (ndarray, np.generic)) for a in args), "sizes of unknown width"
        assert all(a._a.flags.c_contiguous for a in args if isinstance(a, ndarray)), "gaps"
        head = re.search(rf"void {self.name}\((.*?)\)", self.code)[1]
        names = [param.split()[-1].lstrip("*") for param in head.split(",")]
        launcher = LAUNCHER.format(params=f", {head}", name=self.name, args=", ".join(names))
        launch = library(HOST + "#include <limits>\n" + self.code + launcher).launch
        launch(ctypes.c_uint(grid[0]), ctypes.c_uint(block[0]), *map(_argument, args))
        ElementwiseKernel.launches.append(self.name.removeprefix("minnet_"))


def _argument(a):
    if isinstance(a, ndarray):
        return a._a.ctypes.data_as(ctypes.c_void_p)
    kinds = {"f": ctypes.c_float, "d": ctypes.c_double}
    return kinds.get(a.dtype.char, ctypes.c_longlong)(a.item())
