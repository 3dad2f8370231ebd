"""Atomic writing: at any moment the folder holds the old file or the new one, and nothing else."""

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from jkeras._base import atomic
from jkeras._base.atomic import atomic_file, atomic_folder

running_as_root = hasattr(os, "geteuid") and os.geteuid() == 0


def write(path, text="new"):
    with atomic_file(path) as temporary:
        temporary.write_text(text)


def test_missing_folders_are_made(tmp_path):
    write(tmp_path / "a" / "b" / "x.txt")
    assert (tmp_path / "a" / "b" / "x.txt").read_text() == "new"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "x.txt").write_text("old")
    with pytest.raises(RuntimeError, match="in the middle"), atomic_file(tmp_path / "x.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError("in the middle")
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
    assert (tmp_path / "x.txt").read_text() == "old"


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path):
    (tmp_path / "x.txt").write_text("old")
    with (
        pytest.raises(OSError, match=r"Cannot write .*x\.txt: No space.*unchanged") as caught,
        atomic_file(tmp_path / "x.txt") as t,
    ):
        t.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.errno == errno.ENOSPC
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x.txt", "old")]


def test_a_failing_flush_counts_as_a_failing_write(tmp_path, monkeypatch):
    (tmp_path / "x.txt").write_text("old")

    def full(handle):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="Input/output error"):
        write(tmp_path / "x.txt")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x.txt", "old")]


def test_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(atomic.os, "fsync", lambda h: (order.append("fsync"), fsync(h)))
    monkeypatch.setattr(atomic.os, "replace", lambda a, b: (order.append("replace"), replace(a, b)))
    write(tmp_path / "x.txt")
    assert order == ["fsync", "replace", "fsync"]


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "x.txt"
    path.write_text("old")
    path.chmod(0o444)
    if running_as_root:  # file modes do not stop root
        monkeypatch.setattr(atomic.os, "access", lambda p, mode: False)
    with pytest.raises(PermissionError, match=r"x\.txt: the file is read-only"):
        write(path)
    assert path.read_text() == "old"


def test_a_folder_in_the_way_is_an_error_that_says_so(tmp_path):
    (tmp_path / "x.txt").mkdir()
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        write(tmp_path / "x.txt")


def test_a_file_in_the_place_of_the_folder_is_an_error_that_names_both(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"Cannot make the folder .*file for x\.txt"):
        write(tmp_path / "file" / "x.txt")


def test_a_new_file_has_the_usual_mode_and_an_old_one_keeps_its_own(tmp_path):
    write(tmp_path / "new.txt")
    (tmp_path / "plain.txt").write_text("")
    assert stat.S_IMODE((tmp_path / "new.txt").stat().st_mode) == stat.S_IMODE((tmp_path / "plain.txt").stat().st_mode)
    (tmp_path / "plain.txt").chmod(0o640)
    write(tmp_path / "plain.txt")
    assert stat.S_IMODE((tmp_path / "plain.txt").stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path):
    (tmp_path / "run1").mkdir()
    (tmp_path / "run1" / "x.txt").write_text("old")
    (tmp_path / "latest.txt").symlink_to(tmp_path / "run1" / "x.txt")
    write(tmp_path / "latest.txt")
    assert (tmp_path / "latest.txt").is_symlink()
    assert (tmp_path / "run1" / "x.txt").read_text() == "new"


def test_readers_see_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "x.txt"
    texts = {letter * 200_000 for letter in "ab"}
    write(path, "a" * 200_000)
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for letter in "bababababa":
        write(path, letter * 200_000)
    stop.set()
    reader.join()
    assert seen <= texts


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path):
    (tmp_path / "x.txt").write_text("old")
    code = textwrap.dedent(
        """
        import sys, time
        from jkeras._base.atomic import atomic_file
        with atomic_file(sys.argv[1]) as temporary:
            temporary.write_text("half")
            print("written", flush=True)
            time.sleep(60)
        """
    )
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "x.txt"], stdout=subprocess.PIPE, cwd=root) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / "x.txt").read_text() == "old"


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "model"
    for names in (("a", "b"), ("c",)):
        with atomic_folder(target) as folder:
            for name in names:
                (folder / name).write_text(name)
        assert sorted(p.name for p in target.iterdir()) == sorted(names)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_an_error_leaves_the_old_folder(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "a").write_text("old")
    with pytest.raises(RuntimeError), atomic_folder(target) as folder:
        (folder / "a").write_text("new")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert (target / "a").read_text() == "old"


def test_a_rename_that_fails_brings_the_old_folder_back(tmp_path, monkeypatch):
    target = tmp_path / "model"
    target.mkdir()
    (target / "a").write_text("old")
    rename, calls = os.rename, []

    def fails_second(a, b):
        calls.append(b)
        if len(calls) == 2:
            raise OSError(errno.EBUSY, "Device or resource busy")
        rename(a, b)

    monkeypatch.setattr(atomic.os, "rename", fails_second)
    with pytest.raises(OSError, match="busy"), atomic_folder(target) as folder:
        (folder / "a").write_text("new")
    assert (target / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
