"""Compare the packages on Colab with the ranges that the course declares.

    python scripts/check_colab.py pip-freeze.txt

Colab publishes the list at https://github.com/googlecolab/backend-info.
Where a package is outside the range, installing the course on Colab replaces it, which takes
minutes and asks the reader to restart. The exit status is 1 if there is such a package.
"""

import argparse
import sys
import tomllib
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def installed(listing: str) -> dict[str, str]:
    """Return the version of each package in the output of ``pip freeze``."""
    versions = {}
    for line in listing.splitlines():
        try:
            requirement = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:  # a comment, an empty line, or a package from a local path
            continue
        pinned = [pin.version for pin in requirement.specifier if pin.operator in ("==", "===")]
        if pinned:
            versions[canonicalize_name(requirement.name)] = pinned[0]
    return versions


def compare(versions: dict[str, str], requirements: list[str]) -> tuple[list[str], list[str]]:
    """Return a sentence for each package that fits, and one for each that does not."""
    fits, problems = [], []
    for requirement in map(Requirement, requirements):
        version = versions.get(canonicalize_name(requirement.name))
        if version is None:
            problems.append(f"{requirement.name} is not on Colab, so it is installed.")
        elif requirement.specifier.contains(version, prereleases=True):
            fits.append(f"{requirement.name} {version}")
        else:
            problems.append(
                f"{requirement.name} is {version} on Colab, and the course needs "
                f"{requirement.specifier}: widen the range in pyproject.toml, or say in "
                "book/setting_up.md that readers have to restart."
            )
    return fits, problems


def main() -> None:
    """Read the list that is named, and report what differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("list", type=Path, help="Colab's pip-freeze.txt")
    arguments = parser.parse_args()
    try:
        versions = installed(arguments.list.read_text(encoding="utf-8"))
    except OSError as error:
        parser.error(f"{arguments.list} cannot be read ({error.strerror}).")
    if not versions:
        parser.error(f"{arguments.list} lists no package: give the output of 'pip freeze'.")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    fits, problems = compare(versions, project["dependencies"])
    print(f"As Colab has them: {', '.join(fits) or 'none'}.")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
