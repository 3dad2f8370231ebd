"""`tf.compat`: texts as `bytes` and as `str`."""

from __future__ import annotations

__all__ = ["as_bytes", "as_str", "as_str_any", "as_text"]


def as_bytes(bytes_or_text: str | bytes | bytearray, encoding: str = "utf-8") -> bytes:
    """A text as `bytes`.

    Example:
        >>> as_bytes("JFIF")
        b'JFIF'
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text)
    raise TypeError(f"as_bytes takes a str or bytes. Received: {bytes_or_text!r}.")


def as_text(bytes_or_text: str | bytes, encoding: str = "utf-8") -> str:
    """A text as `str`.

    Example:
        >>> as_text(b"JFIF")
        'JFIF'
    """
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text.decode(encoding)
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    raise TypeError(f"as_text takes a str or bytes. Received: {bytes_or_text!r}.")


as_str = as_text


def as_str_any(value: object, encoding: str = "utf-8") -> str:
    """Anything as `str`: bytes decoded, the rest as `str(value)`."""
    return as_text(value, encoding) if isinstance(value, bytes) else str(value)
