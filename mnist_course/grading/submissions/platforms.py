"""Read whose a file is from the name that Moodle or Canvas gave it in the archive of a class.

References
----------
Moodle, ``mod/assign/classes/downloader.php`` names what is in an archive, and
``mod/assign/feedback/file/importziplib.php`` reads such names when feedback is uploaded
(https://github.com/moodle/moodle). The number is one "that uniquely identifies this user in this
assignment" (``mod/assign/gradingtable.php``): the same person has another one elsewhere.

Canvas, ``lib/content_zipper.rb`` (https://github.com/instructure/canvas-lms).
"""

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mnist_course.errors import CourseError
from mnist_course.grading.course.roster import Person, Roster

# In a folder for each person (since Moodle 4.1, or earlier), or all files in one folder. Moodle
# takes "_" out of names.
_MOODLE = re.compile(
    r"(?P<prefix>(?P<name>[^_/]+)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_/|/|_))"
    r"(?P<file>.+)",
    re.ASCII,
)
# Canvas leaves of names what may be in a word, in lower case.
_CANVAS = re.compile(
    r"(?P<name>[^/]+?)(?P<late>_LATE)?_(?P<number>\d+)_(?P<attachment>\d+)_(?P<file>[^/]+)",
    re.ASCII,
)
_CANVAS_NUMBER = re.compile(r"(?<=_)\d+(?=_\d+_)", re.ASCII)
_CANVAS_TEXT = re.compile(r"(?P<name>[^/]+?)(_LATE)?_\d+_(?P<kind>text|link)\.html", re.ASCII)
_CANVAS_ANONYMOUS = re.compile(r"anon(_LATE)?_[^_/]+_\d+_[^/]+", re.ASCII)


@dataclass(frozen=True)
class Submitted:
    """What the name of a file says.

    Attributes
    ----------
    platform : str
        "Moodle" or "Canvas".
    name : str
        The person as the platform writes them.
    number : str
        The person's number: at Moodle in this assignment, at Canvas everywhere.
    file : str
        The name that the author gave the file, perhaps with folders.
    prefix : str
        What stands before it.
    late : bool
        Whether the platform says that it was late. Moodle's names never do.
    order : int
        Grows with the time at which the file was uploaded; 0 where the name does not show it.
    """

    platform: str
    name: str
    number: str
    file: str
    prefix: str
    late: bool = False
    order: int = 0


def parse_name(name: str) -> Submitted | None:
    """Read the name of a file in the archive of a class.

    Parameters
    ----------
    name : str
        The name with its folders, separated by slashes.

    Returns
    -------
    Submitted or None
        What it says; None if neither Moodle nor Canvas names a file so.
    """
    if found := _MOODLE.fullmatch(name):
        return Submitted("Moodle", found["name"], found["number"], found["file"], found["prefix"])
    if found := _CANVAS.fullmatch(name):
        return Submitted(
            "Canvas",
            found["name"],
            found["number"],
            found["file"],
            name.removesuffix(found["file"]),
            late=found["late"] is not None,
            order=int(found["attachment"]),
        )
    return None


def canvas_numbers(name: str) -> list[str]:
    """Return every number of a file's name at Canvas that could be its person's.

    Names of people and of files may hold numbers, too.

    Examples
    --------
    >>> canvas_numbers("bobsmith_42_500_02_normalizing.ipynb")
    ['42', '500']
    """
    return _CANVAS_NUMBER.findall(name)


def why_unknown(name: str) -> str:
    """Say what to do about a file whose name is not one of a submission."""
    if found := _CANVAS_TEXT.fullmatch(name):
        kind = {"text": "a text", "link": "a link"}[found["kind"]]
        return f"it is {kind} typed into Canvas; expected a notebook: ask for the file itself."
    if _CANVAS_ANONYMOUS.fullmatch(name):
        return (
            "Canvas has left the names out, because the assignment is graded anonymously: turn "
            "that off in Canvas, then download again."
        )
    return (
        "neither Moodle nor Canvas names a file so; expected an archive as it was downloaded: copy "
        "the notebook into a folder named after its student's id, and collect the folder above it."
    )


class People:
    """Finds people of the roster by what platforms call them.

    Parameters
    ----------
    roster : Roster
        The people.
    """

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        people = list(roster.values())
        self._names = _index(
            (key, person)
            for person in people
            for key in {
                name_key(person.first_name + person.last_name),
                name_key(person.last_name + person.first_name),
            }
        )
        self._canvas = _index((person.canvas_id, person) for person in people)
        self._ids = _index(
            (value.casefold(), person)
            for person in people
            for value in {person.id, person.login, person.email}
        )
        self._numbers = _index(
            (value.casefold(), person)
            for person in people
            for value in {person.id, person.login, person.email, person.sis_id}
        )

    def named(self, name: str) -> list[Person]:
        """Return everybody with a name, whatever its case, order, and punctuation."""
        return self._names.get(name_key(name), [])

    def at_canvas(self, number: str) -> list[Person]:
        """Return who has a number at Canvas."""
        return self._canvas.get(number, [])

    def by_id(self, text: str) -> list[Person]:
        """Return whose id, login or email address a text is."""
        return self._ids.get(unicodedata.normalize("NFC", text).casefold(), [])

    def beginning(self, stem: str) -> tuple[Person, str] | None:
        """Return with whose id, login or email address a name begins, and what follows after "_".

        Parameters
        ----------
        stem : str
            Such as "ada_02_normalizing".

        Returns
        -------
        tuple of (Person, str) or None
            The person whose id is the longest, and the rest.
        """
        parts = stem.split("_")
        for count in range(len(parts), 0, -1):
            found = self.by_id("_".join(parts[:count]))
            if len(found) == 1:
                return found[0], "_".join(parts[count:])
        return None

    def numbered(self, worksheet: Path) -> dict[str, Person]:
        """Read who has which number in an assignment of Moodle.

        Parameters
        ----------
        worksheet : pathlib.Path
            Moodle's grading worksheet, whose first column ends with the number, as in "Participant
            101". It is in the language of the site, so the column that tells who that is, is the
            one with the ids or the email addresses of most people.

        Returns
        -------
        dict of str to Person
            The people by their number.

        Raises
        ------
        CourseError
            If it cannot be read, or tells about nobody in the roster.
        """
        try:
            text = worksheet.read_text(encoding="utf-8-sig")
            rows = list(csv.reader(text.splitlines(keepends=True)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CourseError(
                f"{worksheet} cannot be read ({error}): download the grading worksheet again."
            ) from None
        numbers = [re.search(r"(\d+)$", row[0].strip(), re.ASCII) if row else None for row in rows]
        found: dict[str, Person] = {}
        for column in range(1, max(map(len, rows), default=0)):
            people = {
                number[1]: holders[0]
                for number, row in zip(numbers, rows, strict=True)
                if number and column < len(row)
                if len(holders := self._numbers.get(row[column].strip().casefold(), [])) == 1
            }
            if len(distinct := {person.id for person in people.values()}) == len(people) and len(
                distinct
            ) > len(found):
                found = people
        if not found:
            raise CourseError(
                f"{worksheet} names nobody of roster.csv: expected Moodle's grading worksheet, "
                "with email addresses or ID numbers that roster.csv has as email or sis_id."
            )
        return found


def name_key(name: str) -> str:
    """Return what two spellings of a name have in common: its letters, in lower case.

    Platforms leave out apostrophes, hyphens and commas.

    Examples
    --------
    >>> name_key("O'Neil, Síle"), name_key("oneilsíle")
    ('oneilsíle', 'oneilsíle')
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(letter for letter in text if unicodedata.category(letter)[0] in "LMN")


def _index(pairs: Iterable[tuple[str, Person]]) -> dict[str, list[Person]]:
    found: dict[str, list[Person]] = {}
    for key, person in pairs:
        if key and person not in found.setdefault(key, []):
            found[key].append(person)
    return found
