"""The same code on a GPU: what these tests prove, and what only a card can show.

Without a GPU, on the stand-in (tests/fake_cupy) and with the host's C++ compiler:
    every operation, layer, optimizer, fit, checkpoint and sanity check gives the CPU's numbers;
    no host array, no function that CuPy lacks, no read of a value and no copy in a training step;
    mixed precision trains as on the CPU, where its products are made in float32 arithmetic;
    each kernel's arithmetic and indices (slow: test_kernels.py runs the CUDA text on the host).
Without a GPU, with CuPy and NVRTC (compile_kernels.py):
    each kernel compiles, CuPy accepts its parameters, and the stand-in's names exist in CuPy;
    CuPy has the type bfloat16, and its casts compile.
With a card, `pytest -m gpu`: the same comparisons.  No card has run them yet, so that unproven are
    1. rounding of the card's exp, tanh and erf, and of atomic additions in any order;
    2. cuBLAS: float32 and float64 products, TF32, and the 16-bit GEMMs of mixed precision, whose
       float32 sums are read from CuPy's source alone;
    3. launches of ElementwiseKernel and RawKernel by CuPy itself: strides, types of scalars, grids;
    4. that a training step does not stop the card in places that the stand-in does not count, such
       as the first use of a memory pool or a kernel's compilation;
    5. several devices: peer access, copies between them, work on the current device;
    6. pinned transfers, memory reports, and what running out of memory looks like;
    7. every speed (tests/benchmarks/gpu.py): targets, the gain of kernels, of joining a bias with
       its activation, of TF32 and of 16 bits;
    8. the full training (tests/benchmarks/train_cifar10.py), 94 % of CIFAR-10's test images.
"""
