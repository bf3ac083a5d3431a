"""`minnet explore`: a page on which optimizers run down landscapes as sliders are moved."""

from .page import LANDSCAPES, render, write

__all__ = ["LANDSCAPES", "render", "write"]
