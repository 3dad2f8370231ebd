"""`Picture`: a picture file in memory, which a notebook shows."""

from __future__ import annotations


class Picture:
    """What `utils.plot_model` returns. A notebook shows it as the value of a cell.

    Keras returns an `IPython.display.Image` if IPython is installed, and otherwise, as for PDF, None. This class needs no IPython
    and has the attributes of `Image` that scripts read.

    Args:
        data: the file's content.
        format: `png`, `svg`, `pdf`, `dot`, ...
        filename: of the file, None if none was written.
        size: width and height in points, None if unknown; PNG is shown in this size, whatever its resolution.

    Example:
        >>> Picture(b"<svg/>", "svg", "model.svg")
        <Picture model.svg>
    """

    def __init__(self, data: bytes, format: str, filename: str | None = None, size: tuple[float, float] | None = None):
        self.data, self.format, self.filename, self.size = data, format, filename, size

    def _repr_png_(self) -> bytes | tuple[bytes, dict[str, int]] | None:
        if self.format != "png":
            return None
        if self.size is None:
            return self.data
        return self.data, {"width": round(self.size[0] * 96 / 72), "height": round(self.size[1] * 96 / 72)}

    def _repr_svg_(self) -> str | None:
        return self.data.decode() if self.format == "svg" else None

    def _repr_jpeg_(self) -> bytes | None:
        return self.data if self.format in ("jpg", "jpeg") else None

    def __repr__(self) -> str:
        return f"<Picture {self.filename or self.format}>"
