"""Records how PyTorch prints tensors: python3 record_printing.py > printing.txt

Written down in downhill's spelling: dtypes without "torch.", true and false, shapes in brackets,
grad_fn by the op's name.
"""
import re

import torch
from torch import arange, float64, int32, tensor, uint8, zeros

nan, inf = float("nan"), float("inf")
cases = {
    "matrix": tensor([[1.0, 2.0], [3.0, 4.0]]),
    "integers": arange(6).reshape(2, 3),
    "negative integers": tensor([[-1, 20], [300, -4000]]),
    "fractions": tensor([0.1, -2.5, 3.14159]),
    "small and large": tensor([1e-5, 1.0, 1000.0]),
    "small": tensor([5e-5, 1e-5]),
    "integer values far apart": tensor([1.0, 2000.0]),
    "large integer values": tensor([2e9, 3e9]),
    "ratio of exactly 1000": tensor([1.0, 1000.0]),
    "zeros": zeros(3),
    "nan and inf": tensor([nan, inf, 1.5, -inf]),
    "zero dimensions": tensor(3.5),
    "zero dimensions, integer": tensor(7),
    "bools": tensor([True, False]),
    "three dimensions": arange(24.0).reshape(2, 3, 4),
    "four dimensions": arange(16).reshape(2, 2, 2, 2),
    "wrapped row": arange(40.0) / 7,
    "wrapped rows": arange(60.0).reshape(2, 30) / 3,
    "summarised vector": arange(1001),
    "summarised matrix": arange(2000.0).reshape(40, 50),
    "summarised, three dimensions": arange(1200.0).reshape(2, 20, 30) / 8,
    "transposed": arange(6.0).reshape(2, 3).t(),
    "float64": tensor([1.5, 2.0], dtype=float64),
    "int32": tensor([1, 2], dtype=int32),
    "uint8": tensor([[1], [255]], dtype=uint8),
    "empty": tensor([]),
    "empty integers": zeros(0, dtype=torch.int64),
    "empty matrix": zeros(0, 3),
    "leaf": tensor([1.0, 2.0], requires_grad=True),
    "result": tensor([1.0, 2.0], requires_grad=True) * 2,
    "suffix on a line of its own": (arange(9) + 0.5).to(float64),
}


def text(x):
    s = repr(x).replace("torch.", "").replace("True", "true").replace("False", "false")
    s = re.sub(r"size=\(([^)]*)\)", r"size=[\1]", s)
    return s.replace("<MulBackward0>", "<mul>")


for name, x in cases.items():
    print(f"== {name}\n{text(x)}")
