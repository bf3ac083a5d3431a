"""NVIDIA GPUs, through CuPy: are there any, how full are they, have they finished.

    model.to("cuda")                        # or "cuda:1"; the optimizer's state follows
    loader = data.Loader(train_set.to("cuda"), batch_size=512, rng=0)
    history = train.fit(model, F.cross_entropy, optimizer, loader, epochs=10)

A GPU works on its own while Python runs ahead.  It is stopped by every look at a value: ``float``,
``item``, ``if``, ``print``.  Nothing here has to be seeded: random numbers come from the rng that a
layer or loader was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .backend import Device, gpu, gpus, is_available

__all__ = [
    "Memory", "allow_tf32", "device_count", "is_available", "memory", "release", "synchronize"
]  # fmt: skip


def device_count() -> int:
    """The number of devices "cuda:0", "cuda:1", ...; 0 without CuPy or a usable GPU.

    >>> device_count() >= 0
    True
    """
    return gpus.count if is_available() else 0


@dataclass(frozen=True)
class Memory:
    """Bytes on one device.

    used: by arrays.   reserved: held by CuPy's pool, which keeps what arrays gave back and is what
    nvidia-smi shows.   free, total: of the card, for all programs.

    >>> print(Memory(2**30, 3 * 2**29, 6 * 2**30, 8 * 2**30))
    1.00 GiB in arrays, 1.50 GiB reserved; 6.00 of 8.00 GiB free on the card
    """

    used: int
    reserved: int
    free: int
    total: int

    def __str__(self) -> str:
        used, reserved, free, total = (
            f"{n / 2**30:.2f}" for n in (self.used, self.reserved, self.free, self.total)
        )
        return (
            f"{used} GiB in arrays, {reserved} GiB reserved; {free} of {total} GiB free on the card"
        )


def memory(device: str | Device = "cuda") -> Memory:
    """Report the memory of a device.   Raises DeviceError if it cannot be used."""
    with _at(device) as here:
        pool = gpu().get_default_memory_pool()
        return Memory(pool.used_bytes(), pool.total_bytes(), *here.mem_info)


def release(device: str | Device = "cuda") -> None:
    """Give memory that no array uses back to the card."""
    with _at(device):
        gpu().get_default_memory_pool().free_all_blocks()


def synchronize(device: str | Device = "cuda") -> None:
    """Wait until the device has finished: what a timing must do before it reads the clock."""
    with _at(device) as here:
        here.synchronize()


def allow_tf32(allowed: bool = True) -> None:
    """Let products of float32 matrices keep 10 bits of each factor, which is several times faster.

    Off at first.  It reaches 2-D products: linear layers and convolutions.  Sums stay float32.
    `train.MixedPrecision` is the other way to faster products.
    Raises DeviceError without a usable GPU.
    """
    kinds = gpu()._core._routines_linalg
    kind = kinds.COMPUTE_TYPE_TF32 if allowed else kinds.COMPUTE_TYPE_DEFAULT
    kinds.set_compute_type("float32", kind)


def _at(device: str | Device) -> Any:
    """The module's own device object, a context manager."""
    index = Device.parse(device).index
    return gpu(index).cuda.Device(index)
