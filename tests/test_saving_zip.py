"""The safe reader for zip archives: what it refuses before reading a member, and what jkeras' archives look like."""

import contextlib
import io
import os
import stat
import struct
import zipfile

import pytest
from guarded import guarded

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.window import Window
from jkeras._safe_io.zip import open_zip, unsafe_name
from jkeras._safe_io.zip_writer import ZipWriter

LIMIT = 1 << 20


@contextlib.contextmanager
def reading(path):
    with open(path, "rb", buffering=0) as file, open_zip(file, os.fspath(path)) as opened:
        yield opened


def archive(path, members=(("config.json", b"{}"),), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def member(name, **attributes):
    info = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def refused(path, match, kind=UnsafeFileError):
    with guarded() as guard, pytest.raises(kind, match=match), reading(path) as opened:
        opened.read("config.json", LIMIT)
    assert not guard.events
    assert set(guard.opened) <= {os.fspath(path)}
    assert guard.seconds < 1
    assert guard.grown < 50 << 20


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a\\..\\x", "C:x", "\\\\host\\x"])
def test_names_that_lead_out_of_the_archive(tmp_path, name):
    refused(archive(tmp_path / "m", [("config.json", b"{}"), (name, b"")]), "the member")


def test_a_name_given_twice(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(tmp_path / "m", [("config.json", b"{}"), ("config.json", b"[]")])
    refused(tmp_path / "m", "two members are called 'config.json'")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(tmp_path, kind):
    refused(
        archive(tmp_path / "m", [(member("config.json", external_attr=(kind | 0o777) << 16), b"/etc/x")]), "a link or a device"
    )


def test_encryption(tmp_path):
    path = archive(tmp_path / "m")
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + at] |= 1
    path.write_bytes(data)
    refused(path, "is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_of_packing(tmp_path, method):
    refused(archive(tmp_path / "m", compression=method), "only 'stored' and 'deflate'")


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5", "assets/bomb.bin"])
def test_a_member_that_would_grow_without_measure(tmp_path, name):
    members = {"config.json": b"{}", name: bytes(64 << 20)}
    refused(archive(tmp_path / "m", members.items(), zipfile.ZIP_DEFLATED), f"{name}: .* would grow to 67,108,864")


def test_a_small_member_that_is_larger_than_a_config_may_be(tmp_path):
    path = archive(tmp_path / "m", [("config.json", b" " * (LIMIT + 1))], zipfile.ZIP_DEFLATED)
    refused(path, "no more than 1,048,576 are read")


def test_a_stored_member_of_two_sizes(tmp_path):
    path = archive(tmp_path / "m")
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 1 << 31)
    path.write_bytes(data)
    refused(path, "of two sizes")


def test_a_member_that_grows_beyond_what_the_directory_says_is_cut_there(tmp_path):
    path = archive(tmp_path / "m", [("config.json", bytes(32 << 20))], zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 100)
    path.write_bytes(data)
    with guarded() as guard, pytest.raises(FileFormatError, match="is damaged"), reading(path) as opened:
        opened.read("config.json", LIMIT)
    assert guard.grown < 20 << 20


def test_an_endless_list_of_members(tmp_path):
    entry = struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0)
    count = 200_000
    directory = b"".join(entry + struct.pack("<L", i) for i in range(count))
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)
    (tmp_path / "m").write_bytes(directory + end)
    refused(tmp_path / "m", "list of members has")


def test_an_endless_list_behind_the_sizes_of_64_bits(tmp_path):
    directory = bytes(5 << 20)
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(directory), 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(directory), 1)
    for small in (10, 0xFFFFFFFF):
        end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 1, 1, small, 0, 0)
        (tmp_path / "m").write_bytes(directory + record + locator + end)
        refused(tmp_path / "m", "list of members has")


@pytest.mark.parametrize("size", [0, 3, 60, -10, -30])
def test_a_file_that_was_cut_off(tmp_path, size):
    path = archive(tmp_path / "m", [("config.json", b"{}" * 50)])
    path.write_bytes(path.read_bytes()[:size])
    refused(path, "zip archive", FileFormatError)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_bit_is_found(tmp_path, method):
    path = archive(tmp_path / "m", [("config.json", os.urandom(5000))], method)
    data = bytearray(path.read_bytes())
    data[1000] ^= 4
    path.write_bytes(data)
    refused(path, "is damaged", FileFormatError)
    with reading(path) as opened, pytest.raises(FileFormatError, match="is damaged"), opened.open("config.json"):
        pass


def test_a_header_that_belies_the_directory(tmp_path):
    path = archive(tmp_path / "m", [("config.json", b"{}"), ("evil__.json", b"[]")])
    path.write_bytes(path.read_bytes().replace(b"config.json{}", b"hidden.json{}", 1))
    with (
        reading(path) as opened,
        pytest.raises(FileFormatError, match="is damaged: File name in directory"),
        opened.open("config.json"),
    ):
        pass


def test_a_missing_member_is_named_with_those_that_are_there(tmp_path):
    with (
        reading(archive(tmp_path / "m")) as opened,
        pytest.raises(FileFormatError, match=r"no x.*It holds: config\.json"),
    ):
        opened.read("x", LIMIT)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_large_member_is_a_seekable_file(tmp_path, method):
    data = bytes(range(256)) * 100
    with reading(archive(tmp_path / "m", [("w", data)], method)) as opened, opened.open("w") as file:
        assert file.read(3) == data[:3]
        file.seek(-5, os.SEEK_END)
        assert file.read() == data[-5:]
        file.seek(1000)
        assert file.read(10) == data[1000:1010]


def test_a_window_shows_its_part_and_no_more():
    window = Window(io.BytesIO(b"0123456789"), 2, 5)
    assert window.read() == b"23456"
    window.seek(10)
    assert window.read() == b""
    with pytest.raises(ValueError, match="Negative"):
        window.seek(-1)
    assert not window.writable()


def test_what_is_written_is_an_ordinary_archive(tmp_path):
    path = tmp_path / "m.zip"
    with open(path, "w+b", buffering=0) as file, ZipWriter(file) as writer:
        writer.writestr("a.json", b"{}")
        with writer.fill("b.bin") as window:
            window.write(bytes(100))
            window.seek(10)
            window.write(b"here")
            window.truncate(50)
        with writer.fill("later.bin") as window:
            window.write(b"behind")
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        sizes = [(i.filename, i.compress_type, i.file_size) for i in found.infolist()]
        assert sizes == [("a.json", 0, 2), ("b.bin", 0, 50), ("later.bin", 0, 6)]
        assert found.read("b.bin")[10:14] == b"here"
    with reading(path) as opened:
        assert opened.names() == ["a.json", "b.bin", "later.bin"]


def test_an_archive_beyond_4_gigabytes_is_written_and_read(tmp_path, monkeypatch):
    path, big = tmp_path / "m.zip", 5 << 30
    monkeypatch.setattr(Window, "checksum", lambda self: 0)  # computing it for five gigabytes would take seconds
    with open(path, "w+b", buffering=0) as file, ZipWriter(file) as writer:
        writer.writestr("a.json", b"{}")
        with writer.fill("hole") as window:
            window.truncate(big)  # a hole takes no space
        writer.writestr("last.json", b"[]")
    with zipfile.ZipFile(path) as found:
        assert [(i.filename, i.file_size) for i in found.infolist()] == [("a.json", 2), ("hole", big), ("last.json", 2)]
        assert found.read("last.json") == b"[]"
    with reading(path) as opened:
        assert opened.read("last.json", LIMIT) == b"[]"


def test_names_are_judged_alike_everywhere():
    assert [bool(unsafe_name(n)) for n in ("a", "a/b", "..", "a/..", "a..b", "", "/a", "a:b", "a\0")] == [
        *(False, False, True, True, False, False, True, True, True)
    ]
