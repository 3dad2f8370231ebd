"""Data sets and downloads: cached files are read, missing ones are fetched completely, nothing leaves its folder."""

import bz2
import gzip
import hashlib
import http.server
import io
import lzma
import os
import stat
import struct
import subprocess
import sys
import tarfile
import threading
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jkeras._base import config, download
from jkeras.datasets import _cache, cifar10, cifar100, digits, fashion_mnist, mnist
from jkeras.utils import archives, get_file

MAKE_CACHE = Path(__file__).parents[2] / "shared" / "data" / "make_cache.py"
SYM, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
BODY = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty cache, and no way out of this machine."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("JKERAS_OFFLINE", raising=False)
    for module in (mnist, fashion_mnist):
        monkeypatch.setattr(module, "URL", "http://127.0.0.1:9/")
    return tmp_path / "home"


@pytest.fixture
def server():
    """A local publisher: `server.files` by path; a path in `server.cut` is sent half."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            served.asked.append(self.path)
            body = served.files.get(self.path.partition("?")[0])
            if body is None:
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return self.wfile.write(body[: len(body) // 2] if self.path in served.cut else body)

        def log_message(self, *args):
            """Keep stderr for the code under test."""

    served = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    served.files, served.cut, served.asked = {}, set(), []
    served.url = f"http://127.0.0.1:{served.server_port}/"
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture(scope="session")
def real_data(tmp_path_factory):
    """A cache folder with real data in the publishers' layouts."""
    if "JKERAS_TEST_DATA" in os.environ:
        given = Path(os.environ["JKERAS_TEST_DATA"])
        return given if (given / "datasets").is_dir() else given.parent
    if not MAKE_CACHE.exists():
        pytest.skip(
            "no real data: set JKERAS_TEST_DATA to a folder with `datasets/mnist.npz` and `datasets/cifar-10-batches-bin`"
        )
    pytest.importorskip("PIL", reason="make_cache.py needs pillow")
    home = tmp_path_factory.mktemp("real")
    subprocess.run([sys.executable, str(MAKE_CACHE), str(home / "datasets")], check=True)
    return home


def npz(n=3, m=2, **changed):
    arrays = {
        "x_train": np.arange(n * 784, dtype="uint8").reshape(n, 28, 28), "y_train": np.arange(n, dtype="uint8"),
        "x_test": np.ones((m, 28, 28), "uint8"), "y_test": np.arange(m, dtype="uint8"),
    }  # fmt: skip
    file = io.BytesIO()
    np.savez(file, **{k: v for k, v in (arrays | changed).items() if v is not None})
    return file.getvalue()


def idx(array):
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes())


def tar_of(members):
    """A .tar.gz of `{name: bytes}`, or of (name, type, linkname) for links and other things."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, body in members.items() if isinstance(members, dict) else [(m[0], m) for m in members]:
            info = tarfile.TarInfo(name)
            if isinstance(body, bytes):
                info.size = len(body)
            else:
                _, info.type, info.linkname = body
            tar.addfile(info, io.BytesIO(body) if isinstance(body, bytes) else None)
    return file.getvalue()


def zip_of(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, body in members.items():
            zipped.writestr(name, body)
    return file.getvalue()


def put(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def names_under(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def records(n, label_bytes, seed=0):
    out = np.random.RandomState(seed).randint(0, 256, (n, label_bytes + 3072)).astype("uint8")
    out[:, :label_bytes] %= 10
    return out


def test_real_mnist_is_read_as_it_is(real_data, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(real_data))
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (len(y_train), 28, 28) and x_test.shape == (10000, 28, 28) and y_test.shape == (10000,)
    assert {a.dtype.name for a in (x_train, y_train, x_test, y_test)} == {"uint8"}
    np.testing.assert_array_equal(y_test[:5], [7, 2, 1, 0, 4])


def test_real_cifar10_is_read_as_it_is(real_data, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(real_data))
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert (x_train.shape, y_train.shape) == ((50000, 32, 32, 3), (50000, 1))
    assert (x_test.shape, y_test.shape) == ((10000, 32, 32, 3), (10000, 1))
    assert x_train.dtype == y_train.dtype == np.uint8 and np.bincount(y_train[:, 0]).tolist() == [5000] * 10
    # neighbouring pixels of a photo are similar; with the bytes in another order they differ by more than 30
    assert np.abs(np.diff(x_test[:100].astype(int), axis=2)).mean() < 20


def test_mnist_from_the_cache_or_an_absolute_path(home, tmp_path):
    put(home / "datasets" / "mnist.npz", npz(5, 2))
    put(tmp_path / "other.npz", npz(4, 1))
    assert mnist.load_data()[0][0].shape == (5, 28, 28)
    assert mnist.load_data(tmp_path / "other.npz")[1][1].shape == (1,)


@pytest.mark.parametrize(
    "body, text",
    [
        (b"no zip", "not an .npz"),
        (npz(y_test=None), "y_test"),
        (npz(x_train=np.zeros((3, 28, 27), "uint8")), "uint8\\(3, 28, 27\\)"),
        (npz(x_train=np.zeros((3, 28, 28))), "float64"),
        (npz(y_train=np.zeros(4, "uint8")), "uint8\\(4,\\)"),
        (npz(y_train=np.array([print], object)), "allow_pickle=False"),
        (npz().replace(b"\x01" * 100, b"\x02" * 100), "cannot be used"),
    ],
)
def test_wrong_mnist_files_are_named(home, body, text):
    put(home / "datasets" / "mnist.npz", body)
    with pytest.raises(ValueError, match=text):
        mnist.load_data()


def test_fashion_mnist_reads_four_idx_files(home):
    x, y = np.random.RandomState(0).randint(0, 256, (6, 28, 28)).astype("uint8"), np.arange(6, dtype="uint8")
    for part, n in (("train", 6), ("t10k", 4)):
        put(home / "datasets/fashion-mnist" / f"{part}-images-idx3-ubyte.gz", idx(x[:n]))
        put(home / "datasets/fashion-mnist" / f"{part}-labels-idx1-ubyte.gz", idx(y[:n]))
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    for got, expected in ((x_train, x), (y_train, y), (x_test, x[:4]), (y_test, y[:4])):
        np.testing.assert_array_equal(got, expected)
        assert got.flags.writeable


@pytest.mark.parametrize(
    "body, text",
    [
        (idx(np.zeros((6, 28, 28), "uint8"))[:-10], "complete gzip"),
        (b"plain", "complete gzip"),
        (idx(np.zeros(6, "uint8")), "3 dimensions"),
        (gzip.compress(bytes((0, 0, 8, 3)) + struct.pack(">3I", 2, 28, 28) + b"abc"), "1,568 values .* holds 3"),
        (idx(np.zeros((6, 28, 27), "uint8")), "28, 27"),
    ],
    ids=["cut short", "not compressed", "one axis", "too few values", "wrong size"],
)
def test_wrong_idx_files_are_named(home, body, text):
    put(home / "datasets/fashion-mnist/train-images-idx3-ubyte.gz", body)
    put(home / "datasets/fashion-mnist/train-labels-idx1-ubyte.gz", idx(np.zeros(6, "uint8")))
    with pytest.raises(ValueError, match=text):
        fashion_mnist.load_data()


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("packed", [False, True])
def test_cifar10_from_files_and_from_the_archive(home, packed, data_format, monkeypatch):
    monkeypatch.setattr(config.settings, "image_data_format", data_format)
    parts = {name: records(2, 1, seed) for seed, name in enumerate((*cifar10.ARCHIVE.train, *cifar10.ARCHIVE.test))}
    members = {f"cifar-10-batches-bin/{name}": part.tobytes() for name, part in parts.items()}
    if packed:
        put(home / "datasets/cifar-10-binary.tar.gz", tar_of(members))
    else:
        for name, body in members.items():
            put(home / "datasets" / name, body)
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    every = np.concatenate(list(parts.values()))
    pixels = every[:, 1:].reshape(-1, 3, 32, 32)
    pixels = pixels if data_format == "channels_first" else np.moveaxis(pixels, 1, -1)
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), pixels)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), every[:, :1])
    assert len(x_train) == 10 and x_train.dtype == y_train.dtype == np.uint8


@pytest.mark.parametrize("label_mode, column", [("coarse", 0), ("fine", 1)])
def test_cifar100_has_two_kinds_of_labels(home, label_mode, column):
    train, test = records(4, 2, 0), records(3, 2, 1)
    put(home / "datasets/cifar-100-binary/train.bin", train.tobytes())
    put(home / "datasets/cifar-100-binary/test.bin", test.tobytes())
    (x_train, y_train), (_, y_test) = cifar100.load_data(label_mode)
    np.testing.assert_array_equal(y_train, train[:, column : column + 1])
    np.testing.assert_array_equal(y_test, test[:, column : column + 1])
    np.testing.assert_array_equal(x_train[1, 2, 5], train[1, 2:].reshape(3, 32, 32)[:, 2, 5])
    with pytest.raises(ValueError, match="Did you mean 'fine'"):
        cifar100.load_data("fin")


@pytest.mark.parametrize(
    "train, text", [(b"", "positive multiple"), (records(2, 1).tobytes(), "6,146 bytes"), (b"\xff" * 3074, "label 255")]
)
def test_wrong_record_files_are_named(home, train, text):
    put(home / "datasets/cifar-100-binary/train.bin", train)
    put(home / "datasets/cifar-100-binary/test.bin", records(2, 2).tobytes())
    with pytest.raises(ValueError, match=text):
        cifar100.load_data()


def test_only_exact_regular_members_are_taken_from_an_archive(home, monkeypatch):
    good = {"cifar-100-binary/train.bin": records(2, 2).tobytes()}
    put(home / "datasets/cifar-100-binary.tar.gz", tar_of({**good, "cifar-100-binary/../../test.bin": records(2, 2).tobytes()}))
    with pytest.raises(ValueError, match=r"cifar-100-binary/test\.bin"):
        cifar100.load_data()
    put(home / "datasets/cifar-100-binary.tar.gz", tar_of([("cifar-100-binary/train.bin", tarfile.SYMTYPE, "/etc/passwd")]))
    (home / "datasets/cifar-100-binary/train.bin").unlink()
    with pytest.raises(ValueError, match=r"no regular file"):
        cifar100.load_data()
    monkeypatch.setattr(_cache, "_MEMBER_LIMIT", 3000)
    put(home / "datasets/cifar-100-binary.tar.gz", tar_of({**good, "cifar-100-binary/test.bin": records(2, 2).tobytes()}))
    with pytest.raises(ValueError, match=r"at most 3,000 bytes"):
        cifar100.load_data()
    assert names_under(home) == ["datasets/cifar-100-binary.tar.gz"]


def test_digits_are_whole_and_split_alike_each_time():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert (x_train.shape, x_test.shape, x_train.dtype, y_train.dtype) == ((1437, 8, 8), (360, 8, 8), np.uint8, np.uint8)
    np.testing.assert_array_equal(digits.load_data()[1][0], x_test)
    assert not np.array_equal(digits.load_data(seed=1)[1][0], x_test)
    source = sklearn_datasets.load_digits()
    ours = sorted((int(y), x.tobytes()) for x, y in zip(np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])))
    theirs = (source.images.astype(int) * 255 // 16).astype("uint8")
    assert ours == sorted((int(y), x.tobytes()) for x, y in zip(theirs, source.target))
    assert len(digits.load_data(test_split=0)[1][0]) == 0
    with pytest.raises(ValueError, match="test_split=1"):
        digits.load_data(test_split=1)


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        digits.load_data()


def test_mnist_is_downloaded_once(home, server, monkeypatch, capsys):
    server.files["/mnist.npz"] = npz(5)
    monkeypatch.setattr(mnist, "URL", server.url + "mnist.npz")
    monkeypatch.setattr(mnist, "SHA256", hashlib.sha256(npz(5)).hexdigest())
    for _ in range(2):
        assert mnist.load_data()[0][0].shape == (5, 28, 28)
    assert server.asked == ["/mnist.npz"] and names_under(home) == ["datasets/mnist.npz"]
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == f"mnist.npz: {len(npz(5)):,} of {len(npz(5)):,} bytes (100%)\n"


def test_cifar100_is_downloaded_and_unpacked(home, server, monkeypatch):
    body = tar_of({f"cifar-100-binary/{name}.bin": records(2, 2).tobytes() for name in ("train", "test")})
    server.files["/c.tar.gz"] = body
    changed = {"url": server.url + "c.tar.gz", "md5": hashlib.md5(body).hexdigest()}
    monkeypatch.setattr(cifar100, "ARCHIVE", cifar100.Archive(**{**vars(cifar100.ARCHIVE), **changed}))
    assert cifar100.load_data()[0][0].shape == (2, 32, 32, 3)
    assert names_under(home / "datasets") == [f"cifar-100-binary{end}" for end in (".tar.gz", "/test.bin", "/train.bin")]


def test_absent_data_says_what_to_put_where(home, server, monkeypatch):
    monkeypatch.setenv("JKERAS_OFFLINE", "1")
    monkeypatch.setattr(mnist, "URL", server.url + "mnist.npz")
    with pytest.raises(FileNotFoundError) as error:
        mnist.load_data()
    for part in ("JKERAS_OFFLINE", server.url + "mnist.npz", str(home / "datasets" / "mnist.npz"), "KERAS_HOME"):
        assert part in str(error.value)
    with pytest.raises(FileNotFoundError, match=r"cifar-10-binary\.tar\.gz"):
        cifar10.load_data()
    assert server.asked == []


@pytest.mark.parametrize(
    "path, kwargs, error, text",
    [
        ("none", {}, FileNotFoundError, "404"),
        ("cut", {}, FileNotFoundError, "ended after 5,120 of 10,240 bytes"),
        ("file", {"file_hash": "0" * 64}, ValueError, "sha256 is"),
        ("file", {"md5_hash": "0" * 32}, ValueError, "md5 is"),
        ("file", {"file_hash": "abc"}, ValueError, "64 hexadecimal"),
        ("file", {"file_hash": "abc", "hash_algorithm": "sha1"}, ValueError, "sha256"),
    ],
)
def test_failed_downloads_leave_nothing_and_keep_the_old_file(home, server, path, kwargs, error, text):
    server.files.update({"/file": BODY, "/cut": BODY})
    server.cut.add("/cut")
    for name, before in (("new", []), ("old", ["datasets/old"])):
        if before:
            put(home / "datasets" / name, b"before")
        with pytest.raises(error, match=text):
            get_file(name, server.url + path, force_download=True, **kwargs)
        assert names_under(home) == before
    assert (home / "datasets/old").read_bytes() == b"before"


def test_an_interrupted_download_leaves_nothing(home, server, monkeypatch):
    server.files["/file"] = BODY

    def interrupt(self, count):
        raise KeyboardInterrupt

    monkeypatch.setattr(download._Progress, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        get_file("file", server.url + "file")
    assert names_under(home) == []


def test_progress_on_a_terminal_stays_on_one_line(home, server, monkeypatch, capsys):
    server.files["/file"] = BODY
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    get_file("file", server.url + "file")
    assert capsys.readouterr().err.count("\n") == 1


def test_get_file_follows_the_hash_and_force(home, server, tmp_path):
    server.files["/d/words.txt"] = BODY
    origin, digest = server.url + "d/words.txt?x=1", hashlib.sha256(BODY).hexdigest()
    path = get_file(origin=origin, file_hash=digest.upper())
    assert path == str(home / "datasets" / "words.txt") and Path(path).read_bytes() == BODY
    get_file(origin=origin, file_hash=digest)
    get_file(origin=origin, md5_hash=hashlib.md5(BODY).hexdigest())
    assert len(server.asked) == 1
    Path(path).write_bytes(b"changed")
    get_file(origin=origin)
    assert len(server.asked) == 1
    get_file(origin=origin, file_hash=digest)
    assert Path(path).read_bytes() == BODY and len(server.asked) == 2
    get_file(origin=origin, force_download=True)
    assert len(server.asked) == 3
    assert get_file("a", origin, cache_dir=tmp_path / "c", cache_subdir="s") == str(tmp_path / "c" / "s" / "a")


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"fname": "../a", "origin": "http://h/a"}, {"fname": "..", "origin": "http://h/a"}, {"origin": "http://h/"},
     {"origin": "http://h/a/.."}, {"origin": "http://h/a/."}, {"fname": "a\\b", "origin": "http://h/a"},
     {"fname": "C:a", "origin": "http://h/a"}, {"fname": "a\0b", "origin": "http://h/a"}, {"origin": "http://h/c:\\a"},
     {"origin": "ftp://h/a"}, {"origin": "a.zip"}, {"origin": "http://h/a", "extract": True, "archive_format": "rar"}],
)  # fmt: skip
def test_get_file_refuses_wrong_arguments(home, kwargs):
    with pytest.raises(ValueError):
        get_file(**kwargs)
    assert not home.exists() or names_under(home) == []


@pytest.mark.parametrize(
    "fname, archive, folder",
    [(None, "pack.tgz_archive", "pack.tgz"), ("p.tar.gz", "p.tar.gz", "p_extracted"), ("p", "p_archive", "p")],
)
@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_get_file_unpacks_to_keras_names(home, server, pack, fname, archive, folder):
    server.files["/pack.tgz"] = pack({"./top/a.txt": b"a", "top/b/c.txt": b"c"})
    path = get_file(fname, server.url + "pack.tgz", extract=True)
    assert path == str(home / "datasets" / folder) and (home / "datasets" / archive).is_file()
    assert names_under(Path(path)) == ["top/a.txt", "top/b/c.txt"]
    Path(path, "top", "mine").write_bytes(b"mine")
    Path(path, "top", "a.txt").write_bytes(b"changed")
    get_file(fname, server.url + "pack.tgz", extract=True)
    assert Path(path, "top", "a.txt").read_bytes() == b"changed"
    get_file(fname, server.url + "pack.tgz", extract=True, force_download=True)
    assert Path(path, "top", "a.txt").read_bytes() == b"a" and Path(path, "top", "mine").read_bytes() == b"mine"


@pytest.mark.parametrize("fname, found", [("p.tgz", "top/a.txt"), ("top", "top/a.txt"), (None, "top/a.txt")])
def test_old_scripts_find_an_unpacked_archive_beside_the_file(home, server, monkeypatch, fname, found):
    server.files["/pack.tgz"] = tar_of({"top/a.txt": b"a"})
    put(home / "datasets" / "mine", b"mine")
    monkeypatch.setattr(config.settings, "keras2_files", True)
    for _ in range(2):
        path = Path(get_file(fname, server.url + "pack.tgz", extract=True))
        assert (path / "top/a.txt").read_bytes() == (path.parent / found).read_bytes() == b"a"
    assert len([*path.parent.iterdir()]) == 3 + (path.name != "top")


def test_good_links_and_modes_come_out(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, type_, target in [("d/run", tarfile.REGTYPE, ""), ("d/e/up", SYM, "../run"), ("d/hard", HARD, "d/run")]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = type_, target, 0o4777
            tar.addfile(info)
    archives.extract_archive(put(tmp_path / "a.tar", file.getvalue()), tmp_path / "out")
    assert os.readlink(tmp_path / "out/d/e/up") == "../run" and (tmp_path / "out/d/hard").samefile(tmp_path / "out/d/run")
    mode = (tmp_path / "out/d/run").stat().st_mode
    assert mode & stat.S_IXUSR and not mode & (stat.S_ISUID | stat.S_IWOTH)


EVIL = {
    "parent": tar_of({"ok": b"", "../evil": b"x"}),
    "inner parent": tar_of({"a/../../evil": b"x"}),
    "absolute": tar_of({"/tmp/evil": b"x"}),
    "link out": tar_of([("a", SYM, "../evil")]),
    "link absolute": tar_of([("a", SYM, "/etc/passwd")]),
    "link out by a link": tar_of([("x/up", SYM, ".."), ("a", SYM, "x/up/../../evil")]),
    "write through a link": tar_of([("a", SYM, "b"), ("a/evil", tarfile.DIRTYPE, "")]),
    "hard link out": tar_of([("a", HARD, "../../secret")]),
    "hard link absolute": tar_of([("a", HARD, "/etc/passwd")]),
    "through a link to itself": tar_of([("link", SYM, "."), ("link/../evil", tarfile.REGTYPE, "")]),
    "hard link whose name leaves": tar_of([("../evil", HARD, "ok"), ("ok", tarfile.REGTYPE, "")]),
    "links longer than a path may be": tar_of(
        [*((f"{i}/{'d' * 240}", SYM, f"{'e' * 240}/" * 16) for i in range(4)), ("a", SYM, f"{'e' * 240}/../../../../../evil")]
    ),
    "folders too deep": tar_of({"a/" * 1500 + "a": b"x"}),
    "backslashes": tar_of({"..\\evil": b"x"}),
    "drive": tar_of({"C:\\evil": b"x"}),
    "zip backslashes": zip_of({"a\\..\\..\\evil": b"x"}),
    "hard link to itself": tar_of([("a", HARD, "a")]),
    "device": tar_of([("a", tarfile.CHRTYPE, "")]),
    "pipe": tar_of([("a", tarfile.FIFOTYPE, "")]),
    "zip parent": zip_of({"ok": b"", "../evil": b"x"}),
    "zip absolute": zip_of({"/tmp/evil": b"x"}),
    "half a tar": tar_of({"a": os.urandom(30000)})[:9000],
    "no archive": b"text",
}


@pytest.mark.parametrize("case", EVIL)
def test_evil_archives_are_refused_whole(tmp_path, case):
    put(tmp_path / "secret", b"secret")
    archive = put(tmp_path / "cache" / "a", EVIL[case])
    with pytest.raises((ValueError, OSError)):
        archives.extract_archive(archive, tmp_path / "cache" / "out")
    assert names_under(tmp_path) == ["cache/a", "secret"] and not (tmp_path / "cache/out").exists()


def test_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 1000)
    for pack in (tar_of, zip_of):
        archive = put(tmp_path / "bomb", pack({"a": bytes(1_000_000)}))
        with pytest.raises(ValueError, match="unpacks to more than"):
            archives.extract_archive(archive, tmp_path / "out")
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with pytest.raises(ValueError, match="2 members"):
        archives.extract_archive(put(tmp_path / "many", tar_of({"a": b"", "b": b"", "c": b""})), tmp_path / "out")
    assert names_under(tmp_path) == ["bomb", "many"]


def header_bomb(size, compress):
    """A tar whose first entry is a long name of `size` zeros: a few kilobytes that the reader holds in memory as one text."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, size
    body = info.tobuf(tarfile.GNU_FORMAT) + bytes(size + 1024)
    return compress(body)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, bytes], ids=["gz", "bz2", "xz", "plain"])
def test_a_header_that_fills_the_memory_is_refused_unread(tmp_path, compress):
    archive = put(tmp_path / "bomb", header_bomb(64 << 20, compress))
    tracemalloc.start()
    with pytest.raises(ValueError, match="one of its headers claims 67108864 bytes"):
        archives.extract_archive(archive, tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
    assert names_under(tmp_path) == ["bomb"]


def test_a_later_header_is_refused_too_and_nothing_stays(tmp_path):
    good = tarfile.TarInfo("good")
    archive = put(tmp_path / "bomb", gzip.compress(good.tobuf() + header_bomb(64 << 20, bytes)))
    with pytest.raises(ValueError, match="one of its headers claims"):
        archives.extract_archive(archive, tmp_path / "out")
    assert names_under(tmp_path) == ["bomb"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_each_compression_of_tar_is_read(tmp_path, mode):
    with tarfile.open(tmp_path / "a", mode) as tar:
        info = tarfile.TarInfo("d/" + "n" * 150)
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    before = len(os.listdir("/proc/self/fd"))
    archives.extract_archive(tmp_path / "a", tmp_path / "out")
    assert (tmp_path / "out" / "d" / ("n" * 150)).read_bytes() == b"abc"
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_a_member_is_held_against_the_destination_wherever_the_process_stands(tmp_path, monkeypatch, pack):
    """From the root of the file system every path lies inside of the working folder."""
    put(tmp_path / "evil.archive", pack({"../evil": b"x"}))
    put(tmp_path / "good.archive", pack({"good": b"x"}))
    monkeypatch.chdir("/")
    with pytest.raises(ValueError, match="outside of the folder"):
        archives.extract_archive(tmp_path / "evil.archive", tmp_path / "a" / "out")
    monkeypatch.chdir(tmp_path)
    archives.extract_archive(Path("good.archive"), Path("b/out"))
    assert names_under(tmp_path) == ["b/out/good", "evil.archive", "good.archive"]


def test_merging_does_not_follow_links_that_lie_there(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/d").symlink_to(tmp_path / "elsewhere")
    archives.extract_archive(put(tmp_path / "a", tar_of({"d/x": b"x"})), tmp_path / "out")
    assert names_under(tmp_path / "elsewhere") == [] and (tmp_path / "out/d/x").read_bytes() == b"x"
