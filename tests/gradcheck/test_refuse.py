"""What looks checkable and is not gets one sentence and a way out, never a traceback."""

import numpy as np
import pytest

import gradcheck as gc

X = np.array([[1.0, -2.0, 0.5]])


class Square:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, d):
        return 2 * self.x * d


class ForwardOnly:
    def forward(self, x):
        return x


def framework(package, name):
    """A subclass of a class of that name and home, as the framework's own users have."""
    base = type(name, (), {"__module__": f"{package}.somewhere", "forward": lambda self, x: x})
    return type("Mine", (base,), {"__module__": "mine"})


Function, Torch = framework("torch", "Function"), framework("torch", "Module")
Minnet = framework("minnet", "Module")

REFUSED = [
    (lambda: gc.check_vjp(Function, Function, (X,)), "autograd.Function Mine.*recipe.*apply"),
    (lambda: gc.check_grad(Function, Function, X), "autograd.Function Mine.*PyTorch recipe"),
    (lambda: gc.check(Function, X, np.ones_like), "autograd.Function Mine.*PyTorch recipe"),
    (lambda: gc.check_module(Function, X), "autograd.Function Mine.*PyTorch recipe"),
    (lambda: gc.check_vjp(Square, Square, (X,)), r"got the class Square.*check_module\(Square"),
    (lambda: gc.check_module(Square, X), r"got the class Square.*Make an object of it"),
    (lambda: gc.check_module(Torch(), X), "torch.nn.Module Mine.*PyTorch recipe"),
    (lambda: gc.check_module(Minnet(), X), "minnet module Mine.*minnet.sanity.check_gradients"),
    (lambda: gc.check_module(ForwardOnly(), X), "ForwardOnly without backward.*check_vjp"),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
def test_refused_with_the_way_that_works(call, sentence):
    with pytest.raises(gc.InputError, match=sentence):
        call()


def test_a_real_minnet_module_is_refused():
    nn = pytest.importorskip("minnet").nn
    with pytest.raises(gc.InputError, match="minnet module Linear"):
        gc.check_module(nn.Linear(3, 2, rng=0), X)


@pytest.mark.oracle
def test_real_torch_classes_are_refused():
    torch = pytest.importorskip("torch")
    mine = type("Mine", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x)})
    with pytest.raises(gc.InputError, match="autograd.Function Mine"):
        gc.check_vjp(mine, mine, (X,))
    with pytest.raises(gc.InputError, match="torch.nn.Module Linear"):
        gc.check_module(torch.nn.Linear(3, 2), X)


def test_objects_and_functions_still_pass():
    assert gc.check_module(Square(), X).ok
    assert gc.check_vjp(lambda x: (x * x, x), lambda d, x: 2 * x * d, (X,)).ok
