"""What stands in front of an optimizer and is used like it."""

from __future__ import annotations

from typing import Any

__all__ = ["Wrapper"]


class Wrapper:
    """Has attributes of its own, set in `vars(self)`; all others are those of ``optimizer``."""

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer":  # asked for by copy and pickle before there is one
            raise AttributeError(name)
        return getattr(self.optimizer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            vars(self)[name] = value
        else:
            setattr(self.optimizer, name, value)
