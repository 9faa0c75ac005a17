"""How fast submissions are graded, next to nbgrader as it comes, and how much memory a class takes.

    python benchmarks/grading.py            # against nbgrader, on a notebook that trains a little
    python benchmarks/grading.py --many 1000  # a class that hands in 02_normalizing
    python benchmarks/grading.py --each     # the solution of each assignment, once

The first one grades the same submissions with both, in turn, and prints submissions per minute. The
second one prints the time and the memory of the process that records, after each hundred. The third
one prints what a submission takes, and writes it to
``mnist_course/experiments/published/grading.csv``: seconds,
processor seconds of the whole machine (close other programs first), the KiB of the graded notebook,
and the milliseconds to record it.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
from nbformat import v4
from nbgrader.api import Gradebook

from mnist_course._files import atomic
from mnist_course.grading.course.assignment import list_assignments, read_assignment
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.records import ensure_assignment, record
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.sandbox.supervisor import Sandbox

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
NAME = "01_fit"
STOCK_SUBMISSIONS = 4
SUBMISSIONS = 120
ROUNDS = 2
RECORDS = 20
RESULTS = ROOT / "mnist_course" / "experiments" / "published" / "grading.csv"
COLUMNS = ["assignment", "seconds", "processor_seconds", "notebook_kib", "record_ms"]

ANSWER = """\
import numpy as np
import tensorflow as tf
from mnist_course import load_mnist

mnist = load_mnist()
images = mnist.train_images[:6000].astype("float32") / 255
model = tf.keras.Sequential([
    tf.keras.Input((28, 28)),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(32, activation="relu"),
    tf.keras.layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(images, mnist.train_labels[:6000], epochs=2, verbose=0)"""
TESTS = '''\
import numpy as np
import pytest


@pytest.mark.points(1, cell="check_model")
def test_recognizes_most_digits(student, mnist):
    """The network should recognize most digits."""
    predictions = student.predict("model", mnist.test_images[:500].astype("float32") / 255)
    assert np.mean(predictions == mnist.test_labels[:500]) > 0.7
'''
STOCK_CONFIG = """\
c = get_config()
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.ignore.append("test_*.py")
"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--many", type=int, help="grade so many submissions of 02_normalizing")
    parser.add_argument("--each", action="store_true", help="grade each assignment once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.many:
            grade_many(Path(folder), options.many)
        elif options.each:
            grade_each(Path(folder))
        else:
            compare(Path(folder))


def compare(folder: Path) -> None:
    """Grade the same submission many times, with nbgrader as it comes and with mnist-course."""
    for number in range(1, ROUNDS + 1):
        stock = make_course(folder / f"stock{number}", STOCK_SUBMISSIONS)
        (stock / "nbgrader_config.py").write_text(STOCK_CONFIG)
        stock_rate = rate([BIN / "nbgrader", "autograde", NAME], stock, STOCK_SUBMISSIONS)
        own = make_course(folder / f"own{number}", SUBMISSIONS)
        own_rate = rate([BIN / "mnist-course", "grade", NAME], own, SUBMISSIONS)
        print(
            f"round {number}: nbgrader autograde {stock_rate:.1f} submissions per minute, "
            f"mnist-course grade {own_rate:.1f}, {own_rate / stock_rate:.1f} times"
        )


def make_course(folder: Path, submissions: int) -> Path:
    """Make a course whose one assignment trains for two epochs on 6,000 images."""
    source = folder / "solutions" / NAME
    source.mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    cells = [
        v4.new_markdown_cell("## Task 1: Train (1 point)\n\n**Objective:** train."),
        v4.new_code_cell(
            f"### BEGIN SOLUTION\n{ANSWER}\n### END SOLUTION", metadata=graded("model")
        ),
        v4.new_code_cell(
            'assert history.history["accuracy"][-1] > 0.7',
            metadata=graded("check_model", points=1),
        ),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, source / f"{NAME}.ipynb")
    (source / f"test_{NAME}.py").write_text(TESTS)
    run([BIN / "nbgrader", "generate_assignment", NAME], folder)
    for number in range(submissions):
        hand_in(notebook, folder, NAME, number)
    return folder


def graded(name: str, **points: int) -> dict[str, dict[str, object]]:
    """Return the metadata of an answer, or with points of a check."""
    grade = bool(points)
    settings = {"schema_version": 3, "grade": grade, "solution": not grade, "locked": grade}
    return {"nbgrader": {**settings, "task": False, "grade_id": name, **points}}


def hand_in(notebook: nbformat.NotebookNode, course: Path, name: str, number: int) -> None:
    """Hand a notebook in for a student."""
    folder = course / "submitted" / f"student-{number:04}" / name
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def rate(command: list[Path | str], course: Path, submissions: int) -> float:
    """Return submissions per minute, from the start of a command to its end."""
    start = time.perf_counter()
    run(command, course)
    seconds = time.perf_counter() - start
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        points = [submission.score for submission in gradebook.assignment_submissions(NAME)]
    if points != [1.0] * submissions:
        sys.exit(f"{command[0]} gave {points}, and each should have 1 point")
    return 60 * submissions / seconds


def run(command: list[Path | str], course: Path) -> None:
    """Run a command in a course, and say nothing unless it fails."""
    environment = {**psutil.Process().environ(), "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin"}
    result = subprocess.run(
        command, cwd=course, env=environment, capture_output=True, text=True, timeout=7200
    )
    if result.returncode:
        sys.exit(result.stderr[-2000:])


def grade_many(folder: Path, submissions: int) -> None:
    """Grade a class, and look at the recording process after each hundred."""
    name = "02_normalizing"
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions" / name, folder / "solutions" / name)
    reference = nbformat.read(ROOT / "solutions" / name / f"{name}.ipynb", as_version=4)
    for number in range(submissions):
        hand_in(reference, folder, name, number)
    log = folder / "grading" / f"{name}.log"
    start = time.perf_counter()
    command = [str(BIN / "mnist-course"), "grade", name]
    with (folder / "table.txt").open("w") as table:
        process = psutil.Popen(command, cwd=folder, stdout=table, stderr=table)
    following = 100
    while process.poll() is None:
        time.sleep(0.5)
        done = log.read_text().count("graded anew") if log.exists() else 0
        if done >= following:
            seconds, memory = time.perf_counter() - start, process.memory_info().rss / 2**20
            print(f"{done} submissions: {seconds:.0f} s, {memory:.0f} MiB", flush=True)
            following += 100
    print(f"all {submissions}: {time.perf_counter() - start:.0f} s")
    if process.returncode:
        sys.exit((folder / "table.txt").read_text()[-2000:])


def grade_each(folder: Path) -> None:
    """Grade and record the solution of each assignment."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions", folder / "solutions")
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    course = read_course(folder)
    rows = []
    with Sandbox() as sandbox:
        for name in list_assignments(course.source):
            assignment = read_assignment(course.source, name)
            before, start = busy(), time.perf_counter()
            result = score(assignment, assignment.notebook, spawn=sandbox.spawn)
            seconds, processor = time.perf_counter() - start, busy() - before
            ensure_assignment(course, assignment)
            start = time.perf_counter()
            for number in range(RECORDS):
                record(course, assignment, f"student-{number}", result)
            record_ms = 1000 * (time.perf_counter() - start) / RECORDS
            kib = len(result.notebook) / 1024
            rows.append([name, *(f"{n:.1f}" for n in (seconds, processor, kib, record_ms))])
            print("  ".join(f"{key} {value}" for key, value in zip(COLUMNS, rows[-1], strict=True)))
    with atomic(RESULTS) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    print(f"Wrote {RESULTS}")


def busy() -> float:
    """Return the seconds that the processors have worked since the machine started."""
    times = psutil.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
