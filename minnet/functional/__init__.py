"""Differentiable operations: NumPy's names, axes and keepdims, on arrays and Tensors alike.

An operation given arrays only computes; given a Tensor it also records its gradient.  Each family
has one file, where an operation stands beside its vector-Jacobian products.
"""

from ..tensor import Tensor
from . import activation as _activation
from . import affine as _affine
from . import attention as _attention
from . import bias as _bias
from . import class_loss as _class_loss
from . import conv as _conv
from . import elementwise as _elementwise
from . import embedding as _embedding
from . import gelu as _gelu
from . import index as _index
from . import linalg as _linalg
from . import loss as _loss
from . import norm as _norm
from . import pool as _pool
from . import recurrent as _recurrent
from . import reduce as _reduce
from . import shape as _shape
from . import special as _special
from .activation import *  # noqa: F403
from .affine import *  # noqa: F403
from .attention import *  # noqa: F403
from .bias import *  # noqa: F403
from .class_loss import *  # noqa: F403
from .conv import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .embedding import *  # noqa: F403
from .gelu import *  # noqa: F403
from .index import *  # noqa: F403
from .linalg import *  # noqa: F403
from .loss import *  # noqa: F403
from .norm import *  # noqa: F403
from .pool import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .reduce import *  # noqa: F403
from .shape import *  # noqa: F403
from .special import *  # noqa: F403

_families = [
    _elementwise,
    _index,
    _shape,
    _reduce,
    _linalg,
    _special,
    _activation,
    _affine,
    _bias,
    _norm,
    _conv,
    _pool,
    _class_loss,
    _loss,
    _attention,
    _embedding,
    _recurrent,
    _gelu,
]

for _family in _families:
    for _name, _method in getattr(_family, "METHODS", {}).items():
        setattr(Tensor, _name, _method)

__all__ = sorted(name for family in _families for name in family.__all__)
