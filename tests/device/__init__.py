"""The same code on a GPU: what these tests prove, and what only a card can show.

Without a GPU, on the stand-in (tests/fake_cupy) and with the host's C++ compiler:
    every operation, layer, optimizer, fit, checkpoint and sanity check gives the CPU's numbers;
    no host array, no function that CuPy lacks, no read of a value and no copy in a training step;
    each kernel's arithmetic and indices (slow: test_kernels.py runs the CUDA text on the host).
Without a GPU, with CuPy and NVRTC (compile_kernels.py):
    each kernel compiles, CuPy accepts its parameters, and the stand-in's names exist in CuPy.
With a card, `pytest -m gpu`: the same comparisons, and only there
    rounding of the card's exp, tanh and sums, and of atomic additions in any order;
    cuBLAS products, TF32, several streams, transfers through pinned memory, peer access;
    speed (tests/benchmarks/gpu.py) and the full training (tests/benchmarks/train_cifar10.py).
No card has run them yet.
"""
