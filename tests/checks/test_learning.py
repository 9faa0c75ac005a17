"""What the checks of 05_learning say of napkins and of trained networks."""

import numpy as np
import pytest

from mnist_course.checks import learning
from mnist_course.checks.core import CheckError, NotAttemptedError

SLIPS = [
    pytest.param(name, slip, text, id=f"{name}={slip}")
    for name, slips in learning._SLIPS.items()
    for slip, text in slips.items()
]


def said(check, answer) -> str:
    with pytest.raises(CheckError) as raised:
        check(answer)
    return str(raised.value)


def test_the_napkin_agrees_with_nudging(capsys: pytest.CaptureFixture[str]) -> None:
    for name, slope in learning.NAPKIN.items():
        up, down = learning._napkin_loss(name, 1e-6), learning._napkin_loss(name, -1e-6)
        assert (up - down) / 2e-6 == pytest.approx(slope, abs=1e-6)
    assert learning._napkin_loss() == 15.25
    learning.napkin(dict(learning.NAPKIN))
    assert "Well done" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "slip", "text"), SLIPS)
def test_a_slip_on_the_napkin_is_named(name: str, slip: float, text: str) -> None:
    assert slip != learning.NAPKIN[name]
    assert text in said(learning.napkin, learning.NAPKIN | {name: slip})


def test_another_number_on_the_napkin_hears_what_nudging_does() -> None:
    assert (
        "`slopes['h1']` is 1.23. But if h1 grows by 0.01, the loss goes from 15.25 to 15.1805.\n"
        in (said(learning.napkin, learning.NAPKIN | {"h1": 1.23}))
    )
    assert "if z2 grows by 0.01, the loss doesn't change.\n" in said(
        learning.napkin, learning.NAPKIN | {"z2": 1.23}
    )


def test_an_empty_napkin_is_not_attempted() -> None:
    with pytest.raises(NotAttemptedError):
        learning.napkin(dict.fromkeys(learning.NAPKIN))


def network(first: int = 784, *, dtype: str = "float64", value: float = 0.0) -> list[tuple]:
    sizes = [(first, 4), (4, 4), (4, 10)]
    return [(np.full(s, value, dtype), np.full(s[1], value, dtype)) for s in sizes]


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (network()[:2], "expected three pairs"),
        ([*network()[:2], network()[0]], "layer 3 that `train` returned has weights of shape"),
        (network(28), "expected (784, 4) and (4,)"),
        (network(dtype="U1"), "expected numbers"),
        (network(value=np.nan), "gives nan for 100% of 10,000 images"),
        (network(), "Its most frequent answer makes up 100% of all"),
    ],
)
def test_a_network_hears_what_was_measured(layers: list[tuple], sentence: str) -> None:
    assert sentence in said(learning.train, lambda images, labels: layers)
