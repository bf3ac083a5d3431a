"""Compile every kernel with NVRTC, which needs neither a GPU nor a driver.

    pip install "cupy-cuda12x>=14,<15" nvidia-cuda-nvrtc-cu12 nvidia-cuda-runtime-cu12 ml_dtypes
    python -m tests.device.compile_kernels
"""

import sys
import time
from pathlib import Path

import cupy
import ml_dtypes
import nvidia
from cupy.cuda import nvrtc

from minnet import kernels, tensor
from minnet.kernels.images import COLUMNS, IMAGES
from minnet.kernels.optimizer import _C, _kernel, text_of
from minnet.kernels.source import Elementwise, Rowwise
from minnet.optim.program import Program
from tests import fake_cupy
from tests.fake_cupy.array import NAMES
from tests.fake_cupy.kernels import parse, plain_text
from tests.optim.test_base import ALL, DECAYS

ARCHITECTURES = ("compute_70", "compute_90")  # Volta, Hopper
LOOP = """
#define START (blockIdx.x * (long long)blockDim.x + threadIdx.x)
#define STEP ((long long)gridDim.x * blockDim.x)
"""
RESERVED = {"i", "n"}  # names that CuPy's own loop uses


def updates():
    """The fused update of every optimizer, with each kind of decay and a clipped gradient."""
    for name, (kind, settings) in ALL.items():
        for k, decay in enumerate(DECAYS):
            if kind.scope != "element":
                continue
            opt = kind([tensor([1.0], requires_grad=True)], lr=0.1, **settings, **decay)
            program = Program(opt._advance, opt.slots, 3)
            text, constants = text_of(program, len(opt.slots))
            if text is None:
                raise SystemExit(f"{name} has no CUDA form")
            kernel = _kernel(text, len(opt.slots), ("-",) * len(constants))
            yield Elementwise(f"{name}_{k}", kernel.inputs, kernel.outputs, kernel.body)


def functions():
    """One kernel with every function that an update may use."""
    lines = [f"const T r{k} = {text.format('x', 'z')};" for k, text in enumerate(_C.values())]
    total = " + ".join(f"r{k}" for k in range(len(lines)))
    return Elementwise("functions", "T x, T z", "T y", "\n".join([*lines, f"y = {total};"]))


def source(kernel, char):
    """The CUDA text of a kernel for numbers of type code "f" or "d"."""
    if isinstance(kernel, Rowwise):
        return kernel.code(char)
    params = [*parse(kernel.inputs), *parse(kernel.outputs)]
    wrong = {name for *_, name in params if name in RESERVED or name.startswith("_")}
    if wrong:
        raise SystemExit(f"{kernel.name} uses the reserved names {wrong}")
    return LOOP + plain_text(kernel, {"T": char})


def compiled(text, architecture, *options):
    """The size of the PTX; SystemExit with the compiler's log if there is none."""
    program = nvrtc.createProgram(text, "kernel.cu", [], [])
    try:
        given = [f"--gpu-architecture={architecture}", "--std=c++17", *options]
        nvrtc.compileProgram(program, given)
        return len(nvrtc.getPTX(program))
    except nvrtc.NVRTCError as error:
        raise SystemExit(f"{error}: {nvrtc.getProgramLog(program)}\n{text}") from error
    finally:
        nvrtc.destroyProgram(program)


def check_the_stand_in():
    """Names that the stand-in offers exist in CuPy; those that it lacks are missing there too."""
    offered = NAMES["functions"] | {"array", "asarray", "asnumpy", "ElementwiseKernel", "RawKernel"}
    missing = {n for n in offered if not hasattr(cupy, n)}
    missing |= {n for n in NAMES["methods"] if not hasattr(cupy.ndarray, n)}
    missing |= {n for n in vars(fake_cupy.linalg) if n[0] != "_" and not hasattr(cupy.linalg, n)}
    if missing:
        raise SystemExit(f"the stand-in has names that CuPy {cupy.__version__} lacks: {missing}")
    print(f"the stand-in's {len(offered) + len(NAMES['methods'])} names exist in CuPy "
          f"{cupy.__version__}")  # fmt: skip


CASTS = """
#include <cupy/complex.cuh>
#include <cupy/carray.cuh>
#include <cupy/bfloat16.cuh>
extern "C" __global__ void casts(const float* x, bfloat16* y, float* z) {
    y[threadIdx.x] = bfloat16(x[threadIdx.x]);
    z[threadIdx.x] = float(y[threadIdx.x]);
}
"""


def check_bfloat16():
    """CuPy knows ml_dtypes' bfloat16, and its header for the casts that products need compiles."""
    char = cupy.dtype(ml_dtypes.bfloat16).char
    if f"{char}->{char}" not in cupy.sqrt.types or not hasattr(cupy, "matmul"):
        raise SystemExit(f"CuPy {cupy.__version__} has no bfloat16")
    own = Path(cupy.__file__).parent / "_core/include"
    folders = [own, *(own / "cupy/_cccl" / part for part in ("thrust", "cub", "libcudacxx"))]
    folders += [Path(folder) / "cuda_runtime/include" for folder in nvidia.__path__]
    for architecture in ARCHITECTURES:
        compiled(CASTS, architecture, *[f"-I{folder}" for folder in folders])
    print(f"bfloat16 is a type of CuPy {cupy.__version__}, and its casts compile")


def main():
    check_the_stand_in()
    check_bfloat16()
    began, count = time.perf_counter(), 0
    typo = Elementwise("typo", "T x", "T y", "y = x +;")
    try:
        compiled(source(typo, "f"), ARCHITECTURES[0])
    except SystemExit:
        pass
    else:
        raise SystemExit("a kernel with an error was accepted")
    for kernel in [*kernels.ALL, COLUMNS, IMAGES, *updates(), functions()]:
        if isinstance(kernel, Elementwise):
            kernel.on(cupy)  # CuPy reads the parameters at once
        for char in "fd":
            for architecture in ARCHITECTURES:
                count += compiled(source(kernel, char), architecture) > 0
    seconds = time.perf_counter() - began
    print(f"{count} kernels compiled by NVRTC {'.'.join(map(str, nvrtc.getVersion()))} "
          f"for {', '.join(ARCHITECTURES)} in {seconds:.0f} s")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
