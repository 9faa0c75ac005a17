"""Hidden tests of assignment 08."""

import numpy as np
import pytest

from mnist_course.checks.debugging import CASES, Data, draw, find_fault, try_all

SEED = 11  # of other images than those of the notebook and of the check


def draw_data(rng):
    """Draw new images to read beside the images to learn from, with a little grain in their ink."""
    known, other = draw(SEED), draw(int(rng.integers(1_000, 2**31)))
    grain = rng.integers(-12, 13, other.new_images.shape) * (other.new_images > 0)
    new_images = (other.new_images + grain).clip(0, 255).astype(np.uint8)
    return Data(known.images, known.labels, new_images, other.new_labels)


def diagnosis(number):
    @pytest.mark.points(1, cell=f"check_case_{number}")
    def test(student):
        assert student.call(f"diagnosis_{number}") == CASES[number].suspect

    test.__doc__ = (
        f"`diagnosis_{number}` should return the name of the suspect that explains everything that "
        f"pipeline {number} shows."
    )
    return test


def evidence(number):
    @pytest.mark.points(1, cell=f"check_case_{number}")
    def test(student, rng):
        trials = try_all(number, SEED)
        for i in rng.permutation(len(trials)):
            trial = trials[i]
            assert (float(student.call(f"evidence_{number}", trial.run)) > 0.5) == trial.broken

    test.__doc__ = (
        f"`evidence_{number}` should return True, or more than 0.5, for the pieces of pipeline "
        f"{number}, and False, or at most 0.5, for those of healthy pipelines and of ones with "
        "other mistakes, on any images."
    )
    return test


def fixed(number):
    @pytest.mark.points(1, cell=f"check_case_{number}")
    def test(student, rng):
        data = draw_data(rng)
        assert not find_fault(student.call(f"fixed_{number}", *data[:3]), data)

    test.__doc__ = (
        f"`fixed_{number}` should return the pieces of a run that reads 82% of the new digits or "
        "more, and 75% of its validation images or more, none of which are training images, with a "
        "training loss of 0.5 or less at the end and a last epoch that still learns. Its new "
        "images should have the range of values that its training images have."
    )
    return test


test_diagnosis_1, test_evidence_1, test_fixed_1 = diagnosis(1), evidence(1), fixed(1)
test_diagnosis_2, test_evidence_2, test_fixed_2 = diagnosis(2), evidence(2), fixed(2)
test_diagnosis_3, test_evidence_3, test_fixed_3 = diagnosis(3), evidence(3), fixed(3)
test_diagnosis_4, test_evidence_4, test_fixed_4 = diagnosis(4), evidence(4), fixed(4)
test_diagnosis_5, test_evidence_5, test_fixed_5 = diagnosis(5), evidence(5), fixed(5)
test_diagnosis_6, test_evidence_6, test_fixed_6 = diagnosis(6), evidence(6), fixed(6)
