"""`tf.errors`: under TensorFlow's names, the errors that Python and JAX raise here in the same case.

So `except tf.errors.NotFoundError` catches what reading a missing file raises, and `except tf.errors.ResourceExhaustedError` what
JAX raises when memory ends. JAX has one class for all that fails while a program runs; several names stand for it.
"""

from __future__ import annotations

import jax

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "CancelledError",
    "DataLossError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "NotFoundError",
    "OpError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
]

OpError = UnknownError = InternalError = jax.errors.JaxRuntimeError
AbortedError = CancelledError = ResourceExhaustedError = UnavailableError = OpError
AlreadyExistsError = FileExistsError
DataLossError = OSError
DeadlineExceededError = TimeoutError
FailedPreconditionError = RuntimeError
InvalidArgumentError = ValueError
NotFoundError = FileNotFoundError
OutOfRangeError = StopIteration
PermissionDeniedError = PermissionError
UnimplementedError = NotImplementedError
