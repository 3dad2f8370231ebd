"""`tf.errors`: exceptions that scripts catch. Errors of jkeras' own are Python's: ValueError, TypeError, OSError."""

from __future__ import annotations


class OpError(Exception):
    """The class of TensorFlow's errors.

    Args:
        node_def, op: for graphs; or the message alone.
        message: what went wrong.
        error_code: has no effect.
    """

    def __init__(self, node_def: object = None, op: object = None, message: str | None = None, error_code: object = None):
        super().__init__(node_def if message is None else message)
        self.node_def, self.op, self.message = node_def, op, str(self)


class InvalidArgumentError(OpError, ValueError):
    """A value that an assertion refuses."""


class OutOfRangeError(OpError, StopIteration):
    """The end of the data."""


class NotFoundError(OpError, FileNotFoundError):
    """A file that does not exist."""


class FailedPreconditionError(OpError, RuntimeError):
    """Something that must happen first did not."""


class ResourceExhaustedError(OpError, MemoryError):
    """Too little memory."""


class UnimplementedError(OpError, NotImplementedError):
    """Something that does not exist."""


class UnavailableError(OpError, ConnectionError):
    """Something that cannot be reached now."""


class InternalError(OpError, RuntimeError):
    """A fault of the machine."""


class AbortedError(OpError, RuntimeError):
    """Work that was given up."""


class DataLossError(OpError, OSError):
    """A damaged file."""


class UnknownError(OpError, RuntimeError):
    """Anything else."""
