"""Enter the people of the roster in the gradebook: their names, ids, and extra days."""

from collections.abc import Iterator
from dataclasses import dataclass

from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment

from mnist_course.grading.course.roster import Person, Roster, extension, grant_extra_days
from mnist_course.grading.course.settings import Course

from .records import open_gradebook


@dataclass(frozen=True)
class Entered:
    """What entering a roster has changed in the gradebook.

    Attributes
    ----------
    new, changed : list of str
        The ids of students who were not there, and of those whose names or ids were different.
    unlisted : list of str
        The ids of students who are in the gradebook, but not in the roster. They stay.
    extended : list of (str, str)
        Student and assignment of each submission that is due at another time than before.
    """

    new: list[str]
    changed: list[str]
    unlisted: list[str]
    extended: list[tuple[str, str]]


def enter_people(course: Course, roster: Roster) -> Entered:
    """Write names, email addresses, platform ids, and extra days into nbgrader's gradebook.

    Parameters
    ----------
    course : Course
        The course; its gradebook is made if there is none.
    roster : Roster
        The people. What the roster leaves empty stays as it is in the gradebook.

    Returns
    -------
    Entered
        What has changed.

    Raises
    ------
    GradebookError
        If the gradebook cannot be written.
    """
    with open_gradebook(course) as gradebook:
        rows = gradebook.db.query(
            Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id
        )
        known = {row[0]: row[1:] for row in rows}
        new, changed = [], []
        for person in roster.values():
            held = dict(zip(DETAILS, known.get(person.id, ()), strict=False))
            details = _details(person, held)
            if person.id not in known:
                new.append(person.id)
            elif any(held[key] != value for key, value in details.items()):
                changed.append(person.id)
            else:
                continue
            gradebook.update_or_create_student(person.id, **details)
        extended = list(_due_differently(gradebook, roster))
        for student, assignment in extended:
            grant_extra_days(gradebook, assignment, roster[student])
    return Entered(new, changed, sorted(known.keys() - roster.keys()), extended)


DETAILS = ("first_name", "last_name", "email", "lms_user_id")


def _details(person: Person, held: dict[str, str | None]) -> dict[str, str]:
    """Return what the roster says about a person, under nbgrader's names."""
    others = {"email": person.email, "lms_user_id": person.canvas_id or person.sis_id}
    details = {key: value for key, value in others.items() if value}
    if person.first_name and person.last_name:
        return {"first_name": person.first_name, "last_name": person.last_name, **details}
    if person.name != person.id or not (held.get("first_name") or held.get("last_name")):
        # For who has one name, or none, formgrader would write "None".
        return {"first_name": "", "last_name": person.name, **details}
    return details


def _due_differently(gradebook: Gradebook, roster: Roster) -> Iterator[tuple[str, str]]:
    """Yield student and assignment of submissions whose extension is not what the roster says."""
    # Columns alone: nbgrader adds up the points of each object that it makes.
    for student, assignment, due, held in gradebook.db.query(
        SubmittedAssignment.student_id,
        Assignment.name,
        Assignment.duedate,
        SubmittedAssignment.extension,
    ).join(Assignment, Assignment.id == SubmittedAssignment.assignment_id):
        person = roster.get(student)
        if person is None or person.extra_days is None:
            continue
        if extension(person, due=due is not None) != held:
            yield student, assignment
