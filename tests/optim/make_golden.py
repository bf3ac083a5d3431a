"""Store trajectories of torch.optim, so that the tests compare with them without torch.

    python -m tests.optim.make_golden        (needs torch; writes golden/torch.json)

Rosenbrock's function f(x, y) = (1 - x)^2 + 100 (y - x^2)^2 from (-1.2, 1), 500 steps, float64.
"""

import json
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden" / "torch.json"
STEPS = 500
KEPT = [1, 2, 3, 5, 10, *range(25, STEPS + 1, 25)]

# name: (torch class, torch settings, our class, our settings)
CASES: dict[str, tuple[str, dict, str, dict]] = {
    "sgd": ("SGD", {"lr": 1e-3}, "SGD", {"lr": 1e-3}),
    "momentum": (
        "SGD", {"lr": 1e-4, "momentum": 0.9},
        "Momentum", {"lr": 1e-4, "form": "torch"},
    ),
    "momentum_l2": (
        "SGD", {"lr": 1e-4, "momentum": 0.9, "weight_decay": 0.1},
        "Momentum", {"lr": 1e-4, "form": "torch", "weight_decay": 0.1},
    ),
    "momentum_ema": (
        "SGD", {"lr": 1e-3, "momentum": 0.9, "dampening": 0.0},
        "Momentum", {"lr": 1e-2, "form": "ema"},
    ),
    "nesterov": (
        "SGD", {"lr": 1e-4, "momentum": 0.9, "nesterov": True},
        "Nesterov", {"lr": 1e-4, "form": "torch"},
    ),
    "adagrad": ("Adagrad", {"lr": 0.1}, "Adagrad", {"lr": 0.1}),
    "rmsprop": ("RMSprop", {"lr": 1e-2}, "RMSprop", {"lr": 1e-2}),
    "adam": ("Adam", {"lr": 1e-2}, "Adam", {"lr": 1e-2}),
    "adam_l2": (
        "Adam", {"lr": 1e-2, "weight_decay": 0.1},
        "Adam", {"lr": 1e-2, "weight_decay": 0.1},
    ),
    "adamw": (
        "AdamW", {"lr": 1e-2, "weight_decay": 0.1},
        "AdamW", {"lr": 1e-2, "weight_decay": 0.1},
    ),
    "adadelta": ("Adadelta", {"lr": 0.1}, "Adadelta", {"lr": 0.1}),
    "adadelta_lr": (
        "Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-4},
        "Adadelta", {"lr": 0.5, "decay": 0.8, "eps": 1e-4},
    ),
    "amsgrad": ("Adam", {"lr": 1e-2, "amsgrad": True}, "AMSGrad", {"lr": 1e-2}),
    "amsgrad_decoupled": (
        "AdamW", {"lr": 1e-2, "amsgrad": True, "weight_decay": 0.1},
        "AMSGrad", {"lr": 1e-2, "decoupled": True, "weight_decay": 0.1},
    ),
    "nadam": ("NAdam", {"lr": 1e-2}, "NAdam", {"lr": 1e-2}),
    "nadam_decoupled": (
        "NAdam", {"lr": 1e-2, "weight_decay": 0.1, "decoupled_weight_decay": True},
        "NAdam", {"lr": 1e-2, "weight_decay": 0.1, "decoupled": True},
    ),
}  # fmt: skip


def rosenbrock_gradient(x, y):
    """Gradient of (1 - x)^2 + 100 (y - x^2)^2 with respect to x and y."""
    return -2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)


def torch_trajectory(torch, kind, settings):
    """Positions after the steps KEPT.

    torch's NAdam keeps the product of its mu_t in the default dtype, so that has to be float64.
    """
    torch.set_default_dtype(torch.float64)
    try:
        return _trajectory(torch, kind, settings)
    finally:
        torch.set_default_dtype(torch.float32)


def _trajectory(torch, kind, settings):
    p = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, kind)([p], **settings)
    path = {}
    for t in range(1, STEPS + 1):
        p.grad = torch.tensor(rosenbrock_gradient(*p.detach().tolist()), dtype=torch.float64)
        optimizer.step()
        if t in KEPT:
            path[str(t)] = p.detach().tolist()
    return path


def main():
    """Write the golden file."""
    import torch  # only needed here, not by the tests that import CASES

    paths = {name: torch_trajectory(torch, *case[:2]) for name, case in CASES.items()}
    origin = f"tests/optim/make_golden.py with torch {torch.__version__}"
    GOLDEN.write_text(json.dumps({"origin": origin, "trajectories": paths}, indent=1) + "\n")
    print(f"wrote {GOLDEN.name}: {len(paths)} trajectories from {origin}")


if __name__ == "__main__":
    main()
