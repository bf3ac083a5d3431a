"""The part of cupy.cuda that minnet uses; `STATE.count` says how many devices there are."""

import threading

from .counting import COUNTS


class State(threading.local):
    """Devices seen, and the current one, per thread."""

    count = 1
    current = 0


STATE = State()


def is_available():
    return STATE.count > 0


class runtime:
    """cupy.cuda.runtime"""

    @staticmethod
    def getDeviceCount():
        return STATE.count

    @staticmethod
    def runtimeGetVersion():
        return 12090

    @staticmethod
    def getDeviceProperties(index):
        return {"name": b"stand-in"}


class Device:
    """A device by its index, the current one for None; a block makes it the current one."""

    def __init__(self, index=None):
        self.id = STATE.current if index is None else int(index)
        self._before = []

    def __enter__(self):
        self._before.append(STATE.current)
        STATE.current = self.id
        return self

    def __exit__(self, *error):
        STATE.current = self._before.pop()

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    __hash__ = None

    mem_info = property(lambda self: (3 * 2**30, 4 * 2**30))

    def synchronize(self):
        COUNTS.note("syncs", "synchronize")


class Pool:
    """cupy.cuda.MemoryPool"""

    def used_bytes(self):
        return 2**20

    def total_bytes(self):
        return 2**21

    def free_all_blocks(self):
        pass


POOL = Pool()
