#!/usr/bin/env python3
"""Records what torch.optim does, for tests/optim/*_test.cpp. Needs torch; recorded with 1.13.

    record_torch.py        writes data/trajectories.txt and data/schedules.txt beside this file

Differences between torch 1.13 and 2.x that matter here: SGD's lr had no default (now 1e-3). All
other defaults, and the results, are the same.

A trajectory: two float64 parameters, [2, 3] and [4]; at step t (from 1) the gradient of element i
(counted through both) is (i % 4 + 1) * p + sin(t + i), exactly 0 for i = 2; the second parameter has
no gradient at steps with t % 3 = 2. Values after the steps listed first in each line.
"""
import math
import pathlib
import warnings

import torch

RULES = {
    "sgd": (torch.optim.SGD, dict(lr=0.05)),
    "sgd_weight_decay": (torch.optim.SGD, dict(lr=0.05, weight_decay=0.1)),
    "sgd_momentum": (torch.optim.SGD, dict(lr=0.05, momentum=0.9)),
    "sgd_dampening": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, dampening=0.3)),
    "sgd_nesterov": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, nesterov=True)),
    "sgd_maximize": (torch.optim.SGD, dict(lr=0.01, momentum=0.5, weight_decay=0.1, maximize=True)),
    "adam": (torch.optim.Adam, dict()),
    "adam_options": (torch.optim.Adam, dict(lr=0.1, betas=(0.8, 0.95), eps=1e-3)),
    "adam_weight_decay": (torch.optim.Adam, dict(lr=0.05, weight_decay=0.1)),
    "adam_amsgrad": (torch.optim.Adam, dict(lr=0.1, betas=(0.5, 0.6), amsgrad=True)),
    "adam_maximize": (torch.optim.Adam, dict(lr=0.05, weight_decay=0.1, maximize=True)),
    "adamw": (torch.optim.AdamW, dict()),
    "adamw_weight_decay": (torch.optim.AdamW, dict(lr=0.05, weight_decay=0.2)),
    "adamw_amsgrad": (torch.optim.AdamW, dict(lr=0.1, betas=(0.5, 0.6), amsgrad=True)),
    "adamw_maximize": (torch.optim.AdamW, dict(lr=0.05, maximize=True)),
}
RECORDED_STEPS = (1, 2, 3, 5, 10, 20)


def gradient(p, first, t):
    flat = p.detach().reshape(-1)
    g = [0.0 if first + k == 2 else ((first + k) % 4 + 1) * flat[k].item() + math.sin(t + first + k)
         for k in range(flat.numel())]
    return torch.tensor(g, dtype=torch.float64).reshape(p.shape)


def trajectory(make, options):
    first = torch.linspace(-1, 1.5, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()
    second = torch.linspace(0.5, -2, 4, dtype=torch.float64).requires_grad_()
    optimizer = make([first, second], **options)
    for t in range(1, RECORDED_STEPS[-1] + 1):
        first.grad = gradient(first, 0, t)
        second.grad = None if t % 3 == 2 else gradient(second, 6, t)
        optimizer.step()
        if t in RECORDED_STEPS:
            yield t, [repr(x.item()) for p in (first, second) for x in p.detach().reshape(-1)]


def sequential(optimizer):
    s = torch.optim.lr_scheduler
    parts = [s.LinearLR(optimizer, 0.1, total_iters=4), s.CosineAnnealingLR(optimizer, 10, 0.01),
             s.StepLR(optimizer, 2, 0.5)]
    return s.SequentialLR(optimizer, parts, [4, 15])


SCHEDULES = {
    "step": lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5),
    "constant": lambda o: torch.optim.lr_scheduler.ConstantLR(o, 0.25, 4),
    "linear": lambda o: torch.optim.lr_scheduler.LinearLR(o),
    "linear_options": lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.01, 0.7, 10),
    "exponential": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    "lambda": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t)),
    "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 8, 0.02),
    "sequential": sequential,
}


def schedule(make):
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1)]},
                                 {"params": [torch.zeros(1)], "lr": 2.0}], lr=0.3)
    scheduler = make(optimizer)
    for _ in range(25):
        yield [repr(g["lr"]) for g in optimizer.param_groups]
        optimizer.step()
        scheduler.step()


def main():
    warnings.simplefilter("ignore")
    data = pathlib.Path(__file__).parent / "data"
    data.mkdir(exist_ok=True)
    with open(data / "trajectories.txt", "w") as out:
        for name, (make, options) in RULES.items():
            for t, values in trajectory(make, options):
                print(name, t, *values, file=out)
    with open(data / "schedules.txt", "w") as out:
        for name, make in SCHEDULES.items():
            for t, rates in enumerate(schedule(make)):
                print(name, t, *rates, file=out)


if __name__ == "__main__":
    main()
