"""Layers: modules with parameters, in PyTorch's names."""

from . import (
    activation,
    attention,
    container,
    conv,
    convert,
    dropout,
    embedding,
    linear,
    maxout,
    models,
    module,
    norm,
    pool,
    positional,
    recurrent,
    transformer,
    upsample,
)
from . import summary as _summary
from .activation import *  # noqa: F403
from .attention import *  # noqa: F403
from .container import *  # noqa: F403
from .conv import *  # noqa: F403
from .convert import *  # noqa: F403
from .dropout import *  # noqa: F403
from .embedding import *  # noqa: F403
from .linear import *  # noqa: F403
from .maxout import *  # noqa: F403
from .models import *  # noqa: F403
from .module import *  # noqa: F403
from .norm import *  # noqa: F403
from .pool import *  # noqa: F403
from .positional import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .summary import *  # noqa: F403
from .transformer import *  # noqa: F403
from .upsample import *  # noqa: F403

_families = [
    activation,
    attention,
    container,
    conv,
    convert,
    dropout,
    embedding,
    linear,
    maxout,
    models,
    module,
    norm,
    pool,
    positional,
    recurrent,
    _summary,
    transformer,
    upsample,
]

__all__ = sorted(name for family in _families for name in family.__all__)
