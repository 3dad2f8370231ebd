"""PyTorch: a tight eager loop on the CPU.

The data are tensors, an epoch is a `randperm` cut into index batches, the optimizer is the fused one, and loss and accuracy
accumulate as tensors and are read once per epoch. `OMP_WAIT_POLICY=PASSIVE` comes from the harness.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import torch

from bench.workload import Record, Training, record


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keras_like(module: torch.nn.Module) -> torch.nn.Module:
    """Draws the initial weights of products and embeddings from the distributions that Keras uses."""
    for part in module.modules():
        if isinstance(part, torch.nn.Linear):
            torch.nn.init.xavier_uniform_(part.weight)
        elif isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight) if part.bias is None else torch.nn.init.xavier_uniform_(part.weight)
        elif isinstance(part, torch.nn.Embedding):
            torch.nn.init.uniform_(part.weight, -0.05, 0.05)
        if isinstance(part, torch.nn.Linear | torch.nn.Conv2d) and part.bias is not None:
            torch.nn.init.zeros_(part.bias)
    return module


def prepare(workload: Training) -> torch.nn.Module:
    """The module on all cores, with its weights drawn."""
    torch.set_num_threads(cores())
    torch.manual_seed(0)
    module = keras_like(workload.module())
    return module.to(memory_format=torch.channels_last) if workload.channels_last else module


def optimizer_of(workload: Training, module: torch.nn.Module) -> torch.optim.Optimizer:
    kind, rate = workload.optimizer
    if kind == "adam":
        return torch.optim.Adam(module.parameters(), lr=rate, eps=1e-7, fused=True)
    return torch.optim.SGD(module.parameters(), lr=rate, fused=True)


def tensor(x: np.ndarray, channels_last: bool) -> torch.Tensor:
    """The inputs as PyTorch expects them: images with channels first, in the requested memory order."""
    given = torch.from_numpy(x)
    if given.ndim != 4:
        return given
    return given if channels_last else given.permute(0, 3, 1, 2).contiguous()


def batch_of(inputs: torch.Tensor, index: Any, channels_last: bool) -> torch.Tensor:
    chosen = inputs[index]
    return chosen.permute(0, 3, 1, 2) if channels_last and chosen.ndim == 4 else chosen


def train(workload: Training, library: str, x: np.ndarray, y: np.ndarray, epochs: int) -> Record:
    """Trains for some epochs."""
    last = workload.channels_last
    begin = time.perf_counter()
    module = prepare(workload)
    optimizer = optimizer_of(workload, module)
    inputs, labels = tensor(x, last), torch.from_numpy(y).long()
    size, count = workload.batch, len(labels)
    times, losses, accuracies = [], [], []
    for _ in range(epochs):
        total, right = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for index in torch.randperm(count).split(size):
            target = labels[index]
            logits = module(batch_of(inputs, index, last))
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, -2), target.flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            if workload.accuracy:
                right += (logits.detach().argmax(-1) == target).sum()
        losses.append(total.item() / (count // size))
        accuracies.append(right.item() / labels.numel())
        times.append(time.perf_counter() - begin)
    return record(times, losses, accuracies=accuracies)
