"""How wide a text will be, without drawing it.

The numbers are the advance widths of DejaVu Sans, which comes with matplotlib; those of Verdana are nearly the same. So a
picture's geometry is known before anything is drawn, and is the same in every format.
"""

from __future__ import annotations

import unicodedata

# Of the characters from space to tilde, in thousandths of the font's size.
_REGULAR = (
    *(318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636),
    *(636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787),
    *(603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635),
    *(634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838),
)
_BOLD = (
    *(348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696, 696),
    *(696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995, 837, 850),
    *(733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716),
    *(712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838),
)
_OTHER, _WIDE = 750, 1000


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of one line of text.

    Args:
        text: without line breaks.
        size: of the font, in points.
        bold: whether it is drawn bold.

    Returns:
        Points. Characters outside ASCII count as wide, so the result is too large rather than too small.

    Example:
        >>> text_width("conv", 10), text_width("conv", 10, bold=True)
        (23.88, 26.44)
    """
    table = _BOLD if bold else _REGULAR
    return round(sum(_advance(c, table) for c in text) * size / 1000, 3)


def _advance(character: str, table: tuple[int, ...]) -> int:
    code = ord(character) - 32
    if 0 <= code < len(table):
        return table[code]
    if unicodedata.combining(character):
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER


def wrap(text: str, size: float, limit: float, bold: bool = False) -> list[str]:
    """Cut a long text into lines, after a separator if there is one.

    Args:
        text: one line.
        size, bold: of the font.
        limit: width of a line in points.

    Returns:
        The lines, at least one.

    Example:
        >>> wrap("encoder_block_output", 10, 80)
        ['encoder_block_', 'output']
    """
    lines, line = [], text
    while text_width(line, size, bold) > limit and len(line) > 1:
        fits = next(n for n in range(len(line), 0, -1) if n == 1 or text_width(line[:n], size, bold) <= limit)
        separators = [i + 1 for i, c in enumerate(line[:fits]) if c in "_/-. ,:" and i + 1 > fits // 3]
        cut = separators[-1] if separators else fits
        lines.append(line[:cut])
        line = line[cut:]
    return [*lines, line]
