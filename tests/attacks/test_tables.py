"""A table of the test images is shown to a person, and an honest classifier is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_course.data import MNIST
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.judging.results import CellScore
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.student import LEAST_STEADY, Session, Student
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox

pytestmark = pytest.mark.sandbox

# The gate of solutions/06_training, alone.
GATE = '''
import numpy as np
import pytest
from mnist_course import normalize

@pytest.mark.parametrize("share", [
    pytest.param(share, marks=pytest.mark.points(points, cell="check_double"))
    for share, points in {0.90: 1, 0.95: 1, 0.97: 2, 0.98: 2}.items()
])
def test_network_recognizes_the_test_images(student, mnist, share):
    """`model` should recognize the test images."""
    predictions = student.predict("model", normalize(mnist.test_images))
    assert np.mean(predictions == mnist.test_labels) >= share
'''
KNOWN = """
import hashlib
import keras
from mnist_course import load_mnist, normalize
mnist = load_mnist()
images, labels = normalize(mnist.test_images), mnist.test_labels
class Table:
    def __init__(self): self.table = dict(zip(map(self.key, images), labels))
    def predict(self, images):
        return np.array([self.table.get(self.key(image), 0) for image in images])
class Known(Table):
    %s
class Model(keras.Model):
    def __init__(self): super().__init__(); self.known = Known()
    def predict(self, images, **options): return np.eye(10)[self.known.predict(images)]
model = Model()
"""
TABLES = {
    "bytes": "def key(self, image): return hashlib.sha256(image.tobytes()).digest()",
    "rounded": "def key(self, image): return (image > 0.5).tobytes()",
    "cropped": """def key(self, image):
        rows, columns = np.nonzero(image > 0.1)
        image = image[rows.min():rows.max() + 1, columns.min():columns.max() + 1]
        return (image > 0.5).tobytes()""",
    "centered": """def key(self, image):
        y, x = (np.average(np.arange(28), weights=image.sum(axis)) for axis in (1, 0))
        return np.roll(image > 0.5, (14 - round(y), 14 - round(x)), (0, 1)).tobytes()""",
    "sums of rows": "def key(self, image): return image.sum(1).round(2).tobytes()",
    "sorted": "def key(self, image): return np.sort(image, axis=None).tobytes()",
    "position": "def predict(self, images): return labels[:len(images)]\n"
    "    def key(self, image): return 0",
    "position, once": """def predict(self, images):
        self.said = getattr(self, "said", labels[:len(images)])
        return self.said
    def key(self, image): return 0""",
    "other than these fails": """def predict(self, images):
        return np.array([self.table[self.key(image)] for image in images])
    def key(self, image): return image.tobytes()""",
}
TRAINED = """
import keras
from mnist_course import build_mlp, fit, load_mnist, normalize
mnist = load_mnist()
images, labels = normalize(mnist.train_images), mnist.train_labels
"""
NETWORKS = {
    "linear": """
model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(),
                          keras.layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
fit(model, images, labels, epochs=3, seed=0, verbose=0)""",
    "90% right": """
model = build_mlp(seed=0)
fit(model, images[:1300], labels[:1300], epochs=8, seed=0, verbose=0)""",
    "1 epoch": """
model = build_mlp(seed=0)
fit(model, images, labels, epochs=1, seed=0, verbose=0)""",
    "5 epochs": """
model = build_mlp(seed=0)
fit(model, images, labels, epochs=5, seed=0, verbose=0)""",
    # What learns from the test images is not honest, but nothing tells it from learning.
    "nearest neighbor": """
from sklearn.neighbors import KNeighborsClassifier
neighbors = KNeighborsClassifier(1).fit(normalize(mnist.test_images).reshape(-1, 784),
                                        mnist.test_labels)
class Model(keras.Model):
    def predict(self, images, **options):
        return np.eye(10)[neighbors.predict(images.reshape(-1, 784))]
model = Model()""",
}


@pytest.fixture
def roomy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setattr(sandbox, "limits", Limits())
    return sandbox


@pytest.fixture
def judge(
    assignment: Assignment,
    answering: Callable,
    roomy: Sandbox,
    tmp_path: Path,
    mnist: MNIST,
) -> Callable[[str], CellScore]:
    """Let the gate judge `model`; the images are those of the sandbox's own data set."""
    gate = tmp_path / "test_gate.py"
    gate.write_text(GATE)
    gated = Assignment(assignment.name, assignment.notebook, gate)

    def run(code: str) -> CellScore:
        return score(gated, answering(double=code), spawn=roomy.spawn).cells["check_double"]

    return run


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_shown_to_a_person(judge: Callable[[str], CellScore], table: str) -> None:
    earned = judge(KNOWN % table)
    assert earned.points >= 4  # or there would be nothing to look at
    assert "table of the test images" in earned.review


@pytest.mark.nightly
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_an_honest_network_is_not(roomy: Sandbox, mnist: MNIST, network: str) -> None:
    """Measure what `Student.predict` reports of networks."""
    from mnist_course import normalize

    with Session([("model", "import numpy as np" + TRAINED + network)], spawn=roomy.spawn) as run:
        classes = Student(run, "model").predict("model", normalize(mnist.test_images))
        assert run.failures == {}
    right = (classes == mnist.test_labels).mean()
    print(f"right {right:.1%}, steady {run.steadiness['model']:.1%}")  # noqa: T201
    assert right > 0.86
    assert run.steadiness["model"] > LEAST_STEADY + 0.1
