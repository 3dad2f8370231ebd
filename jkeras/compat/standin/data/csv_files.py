"""`tf.data.experimental.make_csv_dataset`: the rows of CSV files, as batches of columns by name.

The files are read once, whole; each pass over the data shuffles the rows anew.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.data.dataset import Dataset
from jkeras.compat.standin.dtypes import numpy_dtype
from jkeras.compat.standin.files import matching_files, path_of
from jkeras.compat.standin.host_tensor import STRING, encoded, host_tensor

__all__ = ["make_csv_dataset"]

_PACKED = "make_csv_dataset reads plain files. Received: compression_type={kind!r}. Unpack them first."
_NO_FILE = "There is no file {pattern!r}."
_WIDTH = "{path}, line {line}: the row has {found} fields, and there are {expected} columns. Received: {row!r}."
_EMPTY = """Column {column!r} has an empty field in {path}, line {line}, and no default. Write column_defaults with a value,
such as [0] or [""], in place of a dtype."""
_NUMBER = "Column {column!r} is {dtype}, and {path}, line {line}, has {field!r} there. Write column_defaults with another dtype."
_NO_COLUMN = "There is no column {name!r}. Columns: {columns}."
_DEFAULTS = "column_defaults has one entry for each column read, {columns}. Received {count} entries."

Row = tuple[str, int, list[str]]  # file, line, fields


def make_csv_dataset(
    file_pattern: Any,
    batch_size: int,
    column_names: Sequence[str] | None = None,
    column_defaults: Sequence[Any] | None = None,
    label_name: str | None = None,
    select_columns: Sequence[str | int] | None = None,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    header: bool = True,
    num_epochs: int | None = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: int | None = None,
    prefetch_buffer_size: int | None = None,
    num_parallel_reads: int | None = None,
    sloppy: bool = False,
    num_rows_for_inference: int | None = 100,
    compression_type: None = None,
    ignore_errors: bool = False,
    encoding: str = "utf-8",
) -> Dataset:
    """Batches `{column: array}`, or `({column: array}, labels)`.

    Args:
        file_pattern: a pattern or path, or several; files are read in the order of their names.
        batch_size: rows per batch. The last, smaller batch is left out where the rows repeat without end.
        column_names: default the first line of the first file.
        column_defaults: for each column that is read a value for empty fields, or a dtype where there must be none. By default
            the dtype follows from the first rows, and empty fields are 0 or `""`.
        label_name: the column that comes apart.
        select_columns: names or positions of the columns to read; default all.
        field_delim, use_quote_delim: what separates fields, and whether `"` encloses them.
        na_value: a field that counts as empty, besides one without text.
        header: whether the files begin with a line of names.
        num_epochs: how often the rows come; None for without end.
        shuffle, shuffle_buffer_size, shuffle_seed: as `Dataset.shuffle`.
        num_rows_for_inference: from how many rows to infer dtypes; None for all.
        ignore_errors: whether rows with other numbers of fields, or fields that are no numbers, are left out.
        encoding: of the files.
        prefetch_buffer_size, num_parallel_reads, sloppy: have no effect.
        compression_type: None.

    Raises:
        FileNotFoundError: no file fits.
        ValueError: rows, columns or defaults that do not fit; compressed files.
    """
    if compression_type:
        raise ValueError(
            f"make_csv_dataset reads plain files. Received: compression_type={compression_type!r}. Unpack them first."
        )
    paths = [path_of(path) for path in np.atleast_1d(np.asarray(matching_files(file_pattern)))]
    if not paths:
        raise FileNotFoundError(_NO_FILE.format(pattern=file_pattern))

    def read(path: str) -> Iterator[Row]:
        with open(path, newline="", encoding=encoding) as file:
            rows = csv.reader(file, delimiter=field_delim, quoting=csv.QUOTE_MINIMAL if use_quote_delim else csv.QUOTE_NONE)
            yield from ((path, rows.line_num, fields) for fields in rows if fields)

    names = list(column_names) if column_names is not None else next(read(paths[0]))[2]
    rows = [row for path in paths for row in islice(read(path), int(header), None)]
    for path, line, fields in rows:
        if len(fields) != len(names) and not ignore_errors:
            raise ValueError(_WIDTH.format(path=path, line=line, found=len(fields), expected=len(names), row=fields))
    rows = [row for row in rows if len(row[2]) == len(names)]
    chosen = _chosen(names, select_columns)
    columns = _columns(rows, names, chosen, column_defaults, na_value, num_rows_for_inference, ignore_errors)
    if label_name is not None and label_name not in columns:
        raise ValueError(_NO_COLUMN.format(name=label_name, columns=", ".join(columns)))
    label = None if label_name is None else columns.pop(label_name)
    dataset = Dataset.from_tensor_slices(columns if label is None else (columns, label))
    if shuffle:
        dataset = dataset.shuffle(shuffle_buffer_size, shuffle_seed)
    return dataset.repeat(num_epochs).batch(batch_size, drop_remainder=num_epochs is None)


def _chosen(names: list[str], select: Sequence[str | int] | None) -> list[int]:
    for one in select or ():
        if isinstance(one, str) and one not in names:
            raise ValueError(_NO_COLUMN.format(name=one, columns=", ".join(names)))
    if select is None:
        return list(range(len(names)))
    return sorted(names.index(one) if isinstance(one, str) else int(one) for one in select)


def _columns(
    rows: list[Row],
    names: list[str],
    chosen: list[int],
    defaults: Sequence[Any] | None,
    na_value: str,
    inspected: int | None,
    ignore_errors: bool,
) -> dict[str, Tree]:
    """The arrays of the chosen columns."""
    if defaults is not None and len(defaults) != len(chosen):
        raise ValueError(_DEFAULTS.format(columns=len(chosen), count=len(defaults)))
    absent = {"", na_value}
    kinds: list[tuple[np.dtype, Any]] = []
    for at, index in enumerate(chosen):
        if defaults is None:
            dtype = _inferred(fields[index] for _, _, fields in rows[:inspected] if fields[index] not in absent)
            kinds.append((dtype, "" if dtype == STRING else 0))
        else:
            kinds.append(_declared(defaults[at]))
    kept: list[list[Any]] = []
    for path, line, fields in rows:
        try:
            kept.append([
                _value(fields[index], dtype, default, absent, names[index], path, line)
                for index, (dtype, default) in zip(chosen, kinds)
            ])  # fmt: skip
        except ValueError:
            if not ignore_errors:
                raise
    found = zip(*kept) if kept else ([] for _ in chosen)
    arrays = (np.array(column, object if dtype == STRING else dtype) for column, (dtype, _) in zip(found, kinds))
    return {names[i]: host_tensor(array) if array.dtype == object else array for i, array in zip(chosen, arrays)}


def _inferred(fields: Iterator[str]) -> np.dtype:
    """The narrowest of int32, float32 and text that holds the fields."""
    found = list(fields)
    for dtype, parse in ((np.int32, int), (np.float32, float)):
        if found and all(_parses(field, parse) for field in found):
            return np.dtype(dtype)
    return STRING


def _parses(field: str, parse: Callable[[str], object]) -> bool:
    try:
        parse(field)
    except ValueError:
        return False
    return True


def _declared(default: Any) -> tuple[np.dtype, Any]:
    """Dtype and value of an entry of `column_defaults`; the value is None where the entry is a dtype."""
    if isinstance(default, (np.dtype, type)) or (isinstance(default, str) and default in ("string", "int32", "float32")):
        dtype = STRING if default in ("string", str) else numpy_dtype(default)
        return dtype, None
    values = encoded(default).ravel() if _is_text(default) else np.ravel(np.asarray(default))
    if values.dtype == object:
        return STRING, values[0].decode() if len(values) else None
    dtype = np.dtype(np.int32 if values.dtype.kind in "iu" else np.float32)
    return dtype, values[0] if len(values) else None


def _is_text(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "OUS"


def _value(field: str, dtype: np.dtype, default: Any, absent: set[str], column: str, path: str, line: int) -> Any:
    if field in absent and default is None:
        raise ValueError(_EMPTY.format(column=column, path=path, line=line))
    if field in absent:
        field = default
    if dtype == STRING:
        return field.encode()
    try:
        return int(field) if dtype.kind in "iu" else float(field)
    except ValueError:
        raise ValueError(_NUMBER.format(column=column, dtype=dtype, path=path, line=line, field=field)) from None
