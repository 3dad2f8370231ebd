"""The text classifier in PyTorch, with the initial weights that Keras gives an LSTM."""

from __future__ import annotations

import torch
from torch import nn


class Classifier(nn.Module):
    """Embedding, LSTM, logits from its last output."""

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.last = nn.Linear(width, 2)
        nn.init.xavier_uniform_(self.lstm.weight_ih_l0)
        nn.init.orthogonal_(self.lstm.weight_hh_l0)
        nn.init.zeros_(self.lstm.bias_hh_l0)
        nn.init.zeros_(self.lstm.bias_ih_l0)
        with torch.no_grad():
            self.lstm.bias_ih_l0[width : 2 * width] = 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(self.words(x))
        return self.last(hidden[-1])
