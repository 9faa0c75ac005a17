import gzip
import hashlib
import http.server
import socket
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnist_course import data
from mnist_course.data import IDX_FILES, MNIST, find_mnist, load_mnist, parse_idx
from mnist_course.errors import DataError


def write_idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return header + array.tobytes()


def arrays_of(mnist: MNIST) -> dict[str, np.ndarray]:
    (x_train, y_train), (x_test, y_test) = mnist.as_keras()
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def write_idx_folder(folder: Path, arrays: dict[str, np.ndarray], zipped: bool) -> Path:
    folder.mkdir()
    for name, key in IDX_FILES.items():
        content = write_idx(arrays[key])
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def small_mnist(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Let 70 random images take the part of the official MNIST: files stay small."""
    random = np.random.default_rng(0)
    arrays = {
        "x_train": random.integers(0, 256, (60, 28, 28), dtype=np.uint8),
        "y_train": random.integers(0, 10, 60, dtype=np.uint8),
        "x_test": random.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        "y_test": random.integers(0, 10, 10, dtype=np.uint8),
    }
    digests = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    monkeypatch.setattr(data, "MNIST_SHAPES", {name: a.shape for name, a in arrays.items()})
    monkeypatch.setattr(data, "MNIST_SHA256", digests)
    return arrays


class TestSample:
    def test_has_the_promised_images_of_every_class(self, sample: MNIST) -> None:
        assert sample.train_images.shape == (4000, 28, 28)
        assert sample.test_images.shape == (1000, 28, 28)
        assert np.bincount(sample.train_labels).tolist() == [400] * 10
        assert np.bincount(sample.test_labels).tolist() == [100] * 10

    def test_is_not_called_genuine(self, sample: MNIST) -> None:
        assert sample.source == "bundled sample"
        assert sample.genuine is False

    def test_is_at_most_a_megabyte_and_carries_its_license(self) -> None:
        folder = Path(data.__file__).parent / "sample"
        assert (folder / "mnist_sample.npz").stat().st_size <= 1_000_000
        assert "CC BY-SA 3.0" in (folder / "LICENSE").read_text()

    def test_holds_training_images_of_mnist(self, sample: MNIST, full_mnist: MNIST) -> None:
        known = {
            (image.tobytes(), int(label))
            for image, label in zip(full_mnist.train_images, full_mnist.train_labels, strict=True)
        }
        for images, labels in sample:
            for image, label in zip(images, labels, strict=True):
                assert (image.tobytes(), int(label)) in known

    def test_a_changed_sample_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(data.SAMPLE_SHA256, "y_test", "0" * 64)
        with pytest.raises(DataError, match="install the package again"):
            load_mnist("sample")


class TestGenuineMNIST:
    def test_equals_what_keras_loads_from_the_same_arrays(
        self, full_mnist: MNIST, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "mnist.npz"
        np.savez(path, **arrays_of(full_mnist))
        monkeypatch.setattr("keras.src.datasets.mnist.get_file", lambda **_: str(path))
        theirs = keras.datasets.mnist.load_data()
        for ours, keras_pair in zip(load_mnist(path), theirs, strict=True):
            for a, b in zip(ours, keras_pair, strict=True):
                np.testing.assert_array_equal(a, b)
                assert a.dtype == b.dtype == np.uint8
                assert a.shape == b.shape

    def test_is_immutable(self, sample: MNIST) -> None:
        with pytest.raises(AttributeError):
            sample.genuine = True  # type: ignore[misc]
        with pytest.raises(ValueError, match="read-only"):
            sample.train_images[0, 0, 0] = 1

    def test_unpacks_as_keras_does(self, sample: MNIST) -> None:
        (x_train, y_train), (x_test, y_test) = sample
        assert x_train is sample.train_images
        assert y_train is sample.train_labels
        assert x_test is sample.test_images
        assert y_test is sample.test_labels


class TestFiles:
    def test_keras_file_is_read(self, small_mnist: dict[str, np.ndarray], tmp_path: Path) -> None:
        np.savez_compressed(tmp_path / "mnist.npz", **small_mnist)
        mnist = load_mnist(tmp_path / "mnist.npz")
        assert mnist.genuine
        assert mnist.source == str(tmp_path / "mnist.npz")
        for name, array in arrays_of(mnist).items():
            np.testing.assert_array_equal(array, small_mnist[name])

    @pytest.mark.parametrize("zipped", [True, False])
    def test_folder_of_idx_files_is_read(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path, zipped: bool
    ) -> None:
        folder = write_idx_folder(tmp_path / "idx", small_mnist, zipped)
        mnist = load_mnist(folder)
        assert mnist.genuine
        for name, array in arrays_of(mnist).items():
            np.testing.assert_array_equal(array, small_mnist[name])

    def test_one_changed_pixel_is_noticed(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path
    ) -> None:
        changed = small_mnist["x_test"].copy()
        changed[3, 14, 14] ^= 1
        np.savez(tmp_path / "mnist.npz", **{**small_mnist, "x_test": changed})
        with pytest.raises(DataError) as caught:
            load_mnist(tmp_path / "mnist.npz")
        message = str(caught.value)
        assert str(tmp_path / "mnist.npz") in message
        assert data.MNIST_SHA256["x_test"] in message
        assert hashlib.sha256(changed.tobytes()).hexdigest() in message

    @pytest.mark.parametrize(
        ("replacement", "found"),
        [
            (np.zeros((10, 28, 27), np.uint8), r"found \(10, 28, 27\) and uint8"),
            (np.zeros((10, 28, 28), np.float32), r"found \(10, 28, 28\) and float32"),
        ],
    )
    def test_wrong_shape_or_type_is_named(
        self,
        small_mnist: dict[str, np.ndarray],
        tmp_path: Path,
        replacement: np.ndarray,
        found: str,
    ) -> None:
        np.savez(tmp_path / "mnist.npz", **{**small_mnist, "x_test": replacement})
        with pytest.raises(DataError, match=found):
            load_mnist(tmp_path / "mnist.npz")

    def test_pickled_arrays_are_never_unpickled(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path
    ) -> None:
        class Trap:
            def __reduce__(self) -> tuple[object, ...]:
                return (Path.touch, (tmp_path / "sprung",))

        np.savez(tmp_path / "mnist.npz", **{**small_mnist, "y_test": np.array([Trap()])})
        with pytest.raises(DataError, match="damaged"):
            load_mnist(tmp_path / "mnist.npz")
        assert not (tmp_path / "sprung").exists()

    @given(cut=st.integers(min_value=0, max_value=10_000), flip=st.integers(0, 2**31))
    def test_damaged_archives_give_our_own_error_or_the_right_arrays(
        self, tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
    ) -> None:
        random = np.random.default_rng(0)
        arrays = {name: random.integers(0, 256, 40, dtype=np.uint8) for name in data.MNIST_SHAPES}
        path = tmp_path_factory.mktemp("damaged") / "mnist.npz"
        np.savez_compressed(path, **arrays)
        content = bytearray(path.read_bytes())
        content[flip % len(content)] ^= 1 + flip % 255
        path.write_bytes(content[: len(content) - cut % len(content)])
        try:
            read = data._read_npz(path)
        except DataError as error:
            message = str(error)
        else:
            message = str(path)
            assert set(read) == set(arrays)
        assert str(path) in message

    def test_missing_file_and_incomplete_folder_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"nothing\.npz does not exist"):
            load_mnist(tmp_path / "nothing.npz")
        with pytest.raises(DataError, match="train-images-idx3-ubyte"):
            load_mnist(tmp_path)

    def test_truncated_gzip_is_named(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path
    ) -> None:
        folder = write_idx_folder(tmp_path / "idx", small_mnist, zipped=True)
        path = folder / "t10k-images-idx3-ubyte.gz"
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz is damaged"):
            load_mnist(folder)


class TestParseIdx:
    @given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6)))
    def test_reads_back_what_was_written(self, array: np.ndarray) -> None:
        np.testing.assert_array_equal(parse_idx(write_idx(array)), array)

    @given(st.binary(max_size=64))
    def test_random_bytes_are_refused_or_read_exactly(self, content: bytes) -> None:
        try:
            array = parse_idx(content)
        except DataError:
            return
        assert write_idx(array) == content

    @given(
        header=st.lists(st.sampled_from([0, 1, 2, 255, 2**16, 2**31, 2**32 - 1]), max_size=4),
        body=st.binary(max_size=40),
    )
    def test_hostile_sizes_are_refused_or_read_exactly(
        self, header: list[int], body: bytes
    ) -> None:
        sizes = b"".join(size.to_bytes(4, "big") for size in header)
        content = bytes([0, 0, 8, len(header)]) + sizes + body
        try:
            array = parse_idx(content)
        except DataError:
            return
        assert write_idx(array) == content

    @given(
        hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6)),
        st.integers(min_value=1, max_value=300),
    )
    def test_truncated_files_are_refused(self, array: np.ndarray, cut: int) -> None:
        with pytest.raises(DataError):
            parse_idx(write_idx(array)[:-cut])

    def test_message_names_the_file_and_both_sizes(self) -> None:
        with pytest.raises(DataError, match=r"labels\.gz .* 11 bytes in all, found 10"):
            parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2]), name="labels.gz")


class TestAuto:
    def test_named_data_comes_first(
        self,
        small_mnist: dict[str, np.ndarray],
        away: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        np.savez(tmp_path / "named.npz", **small_mnist)
        monkeypatch.setenv("MNIST_COURSE_DATA", str(tmp_path / "named.npz"))
        assert load_mnist().source == str(tmp_path / "named.npz")

    def test_named_data_that_is_damaged_is_refused_not_replaced(
        self, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "named.npz").write_bytes(b"not an archive")
        monkeypatch.setenv("MNIST_COURSE_DATA", str(tmp_path / "named.npz"))
        with pytest.raises(DataError, match=r"MNIST_COURSE_DATA names .*: .*named\.npz is damaged"):
            load_mnist()
        assert (tmp_path / "named.npz").exists()

    def test_keras_cache_comes_next(self, small_mnist: dict[str, np.ndarray], away: Path) -> None:
        away.mkdir(parents=True)
        np.savez(away / "mnist.npz", **small_mnist)
        mnist, attempts = find_mnist()
        assert mnist.genuine
        assert mnist.source == str(away / "mnist.npz")
        assert [attempt.outcome for attempt in attempts] == ["not set", "used"]

    def test_damaged_cache_is_set_aside_and_named(
        self, away: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        away.mkdir(parents=True)
        (away / "mnist.npz").write_bytes(b"half a download")
        (away / "mnist.npz.damaged").write_bytes(b"an older one")
        mnist, attempts = find_mnist(download=False)
        assert mnist.source == "bundled sample"
        assert not (away / "mnist.npz").exists()
        assert (away / "mnist.npz.damaged").read_bytes() == b"an older one"
        assert (away / "mnist.npz.damaged-2").read_bytes() == b"half a download"
        assert str(away / "mnist.npz") in capsys.readouterr().err
        assert "mnist.npz.damaged-2" in attempts[1].outcome

    def test_the_variable_may_ask_for_the_sample_which_needs_no_notice(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sample: MNIST
    ) -> None:
        monkeypatch.setenv("MNIST_COURSE_DATA", "sample")
        np.testing.assert_array_equal(load_mnist().test_labels, sample.test_labels)
        assert capsys.readouterr().err == ""

    def test_without_network_the_sample_is_used_and_says_so_on_stderr(
        self, away: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mnist = load_mnist()
        assert mnist.source == "bundled sample"
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "bundled sample of 5,000 digits" in captured.err
        assert "could not be downloaded" in captured.err
        assert "MNIST_COURSE_DATA" in captured.err

    def test_every_place_is_reported_in_order(self, away: Path) -> None:
        _, attempts = find_mnist()
        assert [attempt.place for attempt in attempts] == [
            "MNIST_COURSE_DATA",
            str(away / "mnist.npz"),
            str(away / "mnist-idx"),
            "Keras's server",
            "mirror",
            "bundled sample",
        ]

    def test_yann_lecuns_server_is_never_asked(self) -> None:
        addresses = [
            address for address, _ in (*data.KERAS_FILE.values(), *data.MIRROR_FILES.values())
        ]
        assert len(addresses) == 5
        assert all(address.startswith("https://") for address in addresses)
        assert not any("lecun" in address for address in addresses)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which this machine serves it."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


class TestDownload:
    def test_keras_file_is_downloaded_checked_and_kept(
        self,
        small_mnist: dict[str, np.ndarray],
        away: Path,
        server: tuple[Path, str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        folder, address = server
        np.savez(folder / "mnist.npz", **small_mnist)
        digest = hashlib.sha256((folder / "mnist.npz").read_bytes()).hexdigest()
        monkeypatch.setattr(data, "KERAS_FILE", {"mnist.npz": (f"{address}mnist.npz", digest)})
        mnist, attempts = find_mnist()
        assert mnist.genuine
        assert mnist.source == str(away / "mnist.npz")
        assert attempts[-1].outcome == "downloaded"
        assert [path.name for path in away.iterdir()] == ["mnist.npz"]
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Downloading" in captured.err
        (folder / "mnist.npz").unlink()
        assert find_mnist()[1][-1].outcome == "used"

    def test_corrupt_download_is_named_and_the_mirror_is_asked(
        self,
        small_mnist: dict[str, np.ndarray],
        away: Path,
        server: tuple[Path, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder, address = server
        (folder / "mnist.npz").write_bytes(b"an error page of some proxy")
        monkeypatch.setattr(data, "KERAS_FILE", {"mnist.npz": (f"{address}mnist.npz", "0" * 64)})
        mirrored = write_idx_folder(folder / "idx", small_mnist, zipped=True)
        files = {
            path.name: (
                f"{address}idx/{path.name}",
                hashlib.md5(path.read_bytes()).hexdigest(),
            )
            for path in mirrored.iterdir()
        }
        monkeypatch.setattr(data, "MIRROR_FILES", files)
        mnist, attempts = find_mnist()
        assert mnist.genuine
        assert "does not match" in attempts[-2].outcome
        assert mnist.source == str(away / "mnist-idx")
        assert [path.name for path in away.iterdir()] == ["mnist-idx"]
        assert find_mnist()[1][-1].place == str(away / "mnist-idx")

    def test_download_that_is_not_mnist_is_refused(
        self,
        small_mnist: dict[str, np.ndarray],
        away: Path,
        server: tuple[Path, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder, address = server
        changed = {**small_mnist, "y_train": small_mnist["y_train"][::-1]}
        np.savez(folder / "mnist.npz", **changed)
        digest = hashlib.sha256((folder / "mnist.npz").read_bytes()).hexdigest()
        monkeypatch.setattr(data, "KERAS_FILE", {"mnist.npz": (f"{address}mnist.npz", digest)})
        mnist, attempts = find_mnist()
        assert mnist.source == "bundled sample"
        assert "not the official MNIST" in attempts[3].outcome
        assert list(away.iterdir()) == []

    def test_host_that_says_nothing_is_given_up(
        self, away: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(data, "SILENT_SECONDS", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"http://127.0.0.1:{silent.getsockname()[1]}/mnist.npz"
            monkeypatch.setattr(data, "KERAS_FILE", {"mnist.npz": (address, "0" * 64)})
            mnist, attempts = find_mnist()
        assert mnist.source == "bundled sample"
        assert attempts[3].place == "Keras's server"
        assert "no byte arrived" in attempts[3].outcome or "timed out" in attempts[3].outcome

    @pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
    def test_cache_that_cannot_be_written_is_named(
        self, away: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
        _, attempts = find_mnist()
        assert "cannot be saved" in attempts[3].outcome
        assert "KERAS_HOME" in attempts[3].outcome
