import gzip
import hashlib
import os
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnist_course.data import MNIST, load_mnist, loading, parse_idx
from mnist_course.data.idx import IDX_FILES
from mnist_course.errors import DataError


def write_idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return header + array.tobytes()


def arrays_of(mnist: MNIST) -> dict[str, np.ndarray]:
    (x_train, y_train), (x_test, y_test) = mnist
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
    monkeypatch.setattr(loading, "MNIST_SHAPES", {name: a.shape for name, a in arrays.items()})
    monkeypatch.setattr(loading, "MNIST_SHA256", digests)
    return arrays


class TestBundledMNIST:
    def test_comes_with_its_licenses(self, mnist: MNIST) -> None:
        folder = Path(mnist.source).parent
        assert folder == Path(loading.__file__).parent
        assert "CC BY-SA 3.0" in (folder / "LICENSE-mnist").read_text()
        assert "Facebook, Inc. and its affiliates" in (folder / "LICENSE-writers").read_text()

    def test_is_complete_and_read_only(self, mnist: MNIST) -> None:
        assert mnist.train_images.shape == (60_000, 28, 28)
        assert mnist.test_images.shape == (10_000, 28, 28)
        assert np.bincount(mnist.train_labels).tolist() == [
            *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
        ]
        for array in (*arrays_of(mnist).values(), mnist.train_writers, mnist.test_writers):
            assert not array.flags.writeable

    def test_nobody_wrote_both_training_and_test_images(self, mnist: MNIST) -> None:
        training, test = np.unique(mnist.train_writers), np.unique(mnist.test_writers)
        assert mnist.train_writers.shape == (60_000,)
        assert mnist.test_writers.shape == (10_000,)
        assert (len(training), len(test)) == (539, 297)
        assert not set(training) & set(test)

    def test_is_read_once(self) -> None:
        assert load_mnist() is load_mnist()

    @pytest.mark.parametrize("name", ["MNIST_SHA256", "WRITERS_SHA256"])
    def test_changed_file_is_refused(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        loading._load.cache_clear()
        digests = {**loading.MNIST_SHA256, "y_test": "0" * 64}
        monkeypatch.setattr(loading, name, digests if name == "MNIST_SHA256" else "0" * 64)
        with pytest.raises(DataError, match=r"\.npz is not .* [Ii]nstall the course again"):
            load_mnist()


class TestMNIST:
    def test_equals_what_keras_loads_from_the_same_arrays(
        self, mnist: MNIST, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "mnist.npz"
        np.savez(path, **arrays_of(mnist))
        monkeypatch.setattr("keras.src.datasets.mnist.get_file", lambda **_: str(path))
        theirs = keras.datasets.mnist.load_data()
        for ours, keras_pair in zip(load_mnist(path), theirs, strict=True):
            for a, b in zip(ours, keras_pair, strict=True):
                np.testing.assert_array_equal(a, b)
                assert a.dtype == b.dtype == np.uint8
                assert a.shape == b.shape

    def test_is_immutable(self, mnist: MNIST) -> None:
        with pytest.raises(AttributeError):
            mnist.source = "mine"  # type: ignore[misc]
        with pytest.raises(ValueError, match="read-only"):
            mnist.train_images[0, 0, 0] = 1

    def test_unpacks_as_keras_does(self, mnist: MNIST) -> None:
        (x_train, y_train), (x_test, y_test) = mnist
        assert x_train is mnist.train_images
        assert y_train is mnist.train_labels
        assert x_test is mnist.test_images
        assert y_test is mnist.test_labels


class TestFiles:
    def test_keras_file_is_read(self, small_mnist: dict[str, np.ndarray], tmp_path: Path) -> None:
        np.savez_compressed(tmp_path / "mnist.npz", **small_mnist)
        mnist = load_mnist(tmp_path / "mnist.npz")
        assert mnist.source == str(tmp_path / "mnist.npz")
        for name, array in arrays_of(mnist).items():
            np.testing.assert_array_equal(array, small_mnist[name])

    @pytest.mark.parametrize("zipped", [True, False])
    def test_folder_of_idx_files_is_read(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path, zipped: bool
    ) -> None:
        folder = write_idx_folder(tmp_path / "idx", small_mnist, zipped)
        mnist = load_mnist(folder)
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
        assert loading.MNIST_SHA256["x_test"] in message
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
        with pytest.raises(DataError, match=r"damaged: .* pickled objects in y_test"):
            load_mnist(tmp_path / "mnist.npz")
        assert not (tmp_path / "sprung").exists()

    @given(cut=st.integers(min_value=0, max_value=10_000), flip=st.integers(0, 2**31))
    def test_damaged_archives_give_our_own_error_or_the_right_arrays(
        self, tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
    ) -> None:
        random = np.random.default_rng(0)
        arrays = {
            name: random.integers(0, 256, 40, dtype=np.uint8) for name in loading.MNIST_SHAPES
        }
        path = tmp_path_factory.mktemp("damaged") / "mnist.npz"
        np.savez_compressed(path, **arrays)
        content = bytearray(path.read_bytes())
        content[flip % len(content)] ^= 1 + flip % 255
        path.write_bytes(content[: len(content) - cut % len(content)])
        try:
            read = loading._read_npz(path)
        except DataError as error:
            message = str(error)
        else:
            message = str(path)
            assert set(read) == set(arrays)
        assert str(path) in message

    def test_missing_file_and_incomplete_folder_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no MNIST at .*nothing\.npz \(file not found\)\. Run"):
            load_mnist(tmp_path / "nothing.npz")
        with pytest.raises(DataError, match="train-images-idx3-ubyte"):
            load_mnist(tmp_path)

    def test_file_that_may_not_be_read_is_named(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise PermissionError(13, "Permission denied", str(tmp_path / "mnist.npz"))

        np.savez(tmp_path / "mnist.npz", **small_mnist)
        monkeypatch.setattr(loading.zipfile, "ZipFile", refuse)  # root may read everything
        with pytest.raises(DataError, match=r"mnist\.npz \(permission denied\)"):
            load_mnist(tmp_path / "mnist.npz")

    @pytest.mark.parametrize("kind", ["npz", "idx"])
    def test_what_would_fill_the_memory_is_not_decompressed(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path, kind: str
    ) -> None:
        bomb = {**small_mnist, "y_test": np.zeros(10**8, np.uint8)}
        path = tmp_path / f"mnist.{kind}"
        if kind == "npz":
            np.savez_compressed(path, **bomb)
        else:
            write_idx_folder(path, bomb, zipped=True)
        tracemalloc.start()
        with pytest.raises(DataError, match=r"is damaged: .* found:? (y_test of )?\d+"):
            load_mnist(path)
        assert tracemalloc.get_traced_memory()[1] < 10**7
        tracemalloc.stop()

    def test_changed_file_is_read_again(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path
    ) -> None:
        folder = write_idx_folder(tmp_path / "idx", small_mnist, zipped=False)
        assert load_mnist(folder) is load_mnist(folder)
        labels = folder / "t10k-labels-idx1-ubyte"
        labels.write_bytes(labels.read_bytes() + b"!")
        with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is damaged"):
            load_mnist(folder)

    def test_file_changed_in_its_place_is_read_again(
        self, small_mnist: dict[str, np.ndarray], tmp_path: Path
    ) -> None:
        folder = write_idx_folder(tmp_path / "idx", small_mnist, zipped=False)
        load_mnist(folder)
        labels = folder / "t10k-labels-idx1-ubyte"
        before = labels.stat()
        with labels.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\xff")
        # Some file systems note times to the second only.
        os.utime(labels, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
        assert (labels.stat().st_ino, labels.stat().st_size) == (before.st_ino, before.st_size)
        with pytest.raises(DataError, match="is not the official MNIST: expected y_test"):
            load_mnist(folder)

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

    @pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (3, 0, 28)])
    def test_no_values_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(DataError, match="is damaged"):
            parse_idx(write_idx(np.zeros(shape, np.uint8)))

    def test_message_names_the_file_and_both_sizes(self) -> None:
        with pytest.raises(DataError, match=r"labels\.gz .* 11 bytes in all, found 10"):
            parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2]), name="labels.gz")


class TestNamedByTheEnvironment:
    def test_comes_before_the_bundled_one(
        self,
        small_mnist: dict[str, np.ndarray],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        np.savez(tmp_path / "named.npz", **small_mnist)
        monkeypatch.setenv("MNIST_COURSE_DATA", str(tmp_path / "named.npz"))
        assert load_mnist().source == str(tmp_path / "named.npz")

    def test_empty_name_is_none(self, monkeypatch: pytest.MonkeyPatch, mnist: MNIST) -> None:
        monkeypatch.setenv("MNIST_COURSE_DATA", "")
        assert load_mnist().source == mnist.source

    def test_damaged_copy_is_refused_not_replaced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "named.npz").write_bytes(b"not an archive")
        monkeypatch.setenv("MNIST_COURSE_DATA", str(tmp_path / "named.npz"))
        with pytest.raises(DataError, match=r"named\.npz is damaged: .* Unset MNIST_COURSE_DATA"):
            load_mnist()
        assert (tmp_path / "named.npz").exists()
