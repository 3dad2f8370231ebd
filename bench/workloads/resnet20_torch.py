"""ResNet-20 in PyTorch."""

from __future__ import annotations

import torch
from torch import nn


def convolved(inputs: int, filters: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, filters, size, stride=stride, padding=size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01))


class Block(nn.Module):
    """Two convolutions with a shortcut around them."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        stride = 1 if inputs == filters else 2
        self.body = nn.Sequential(convolved(inputs, filters, 3, stride), nn.ReLU(), convolved(filters, filters))
        self.shortcut = nn.Identity() if stride == 1 else convolved(inputs, filters, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class ResNet(nn.Module):
    """A stem, stages of blocks, the mean over the image, and logits."""

    def __init__(self, stages: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [convolved(3, stages[0]), nn.ReLU()]
        width = stages[0]
        for filters in stages:
            for _ in range(blocks):
                parts.append(Block(width, filters))
                width = filters
        self.body = nn.Sequential(*parts)
        self.last = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.body(x).mean((2, 3)))
