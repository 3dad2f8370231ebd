"""The language model in PyTorch."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Module):
    """Causal attention and a wide dense layer, each after a normalization and with a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width, eps=1e-3), nn.LayerNorm(width, eps=1e-3)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, length, width = x.shape
        parts = self.qkv(self.before(x)).view(rows, length, 3, self.heads, width // self.heads).transpose(1, 3).unbind(2)
        mixed = nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(rows, length, width))
        return x + self.dense(self.between(x))


class LanguageModel(nn.Module):
    """Embedded characters and positions, blocks, and logits for the next character."""

    def __init__(self, length: int, vocabulary: int, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.signs, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.end, self.last = nn.LayerNorm(width, eps=1e-3), nn.Linear(width, vocabulary)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.end(self.blocks(self.signs(x) + self.places.weight)))
