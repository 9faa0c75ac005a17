"""Say what was odd about a notebook: to the learner, and to the person who grades it."""

from mnist_course._text import counted

from .recognize import Answer, Sorted

IDS_LOST = "lost its cell ids"


def to_learner(found: Sorted) -> dict[str, str]:
    """Say for each answer that a notebook lacks why it earns nothing, by grade id."""
    start = "Your notebook"
    if found.without_ids:
        start = f"Your notebook {IDS_LOST}, which say what each cell is. It also"
    return {
        name: (
            f"Your notebook has neither the cell nor the check of `{name}` (they are in a fresh "
            "copy of the exercise), so it was not attempted."
            if answer.unseen
            else f"{start} has no cell `{name}`, and none that {_what(answer)}: put your answer "
            "into a fresh copy of the exercise, and submit that."
        )
        for name, answer in found.answers.items()
        if not answer.found
    }


def to_grader(found: Sorted) -> dict[str, str]:
    """Say for each answer that a person should look at where it came from, by grade id."""
    reviews = {}
    for name, answer in found.answers.items():
        if answer.unseen:
            continue  # nothing to look at
        if not answer.found:
            reviews[name] = f"no cell has the id `{name}`, and none {_what(answer)}."
        elif answer.recognized:
            cells = ", ".join(map(str, answer.cells))
            noun = counted(len(answer.cells), "cell").partition(" ")[2]
            reviews[name] = (
                f"not in its answer cell: {noun} {cells} {_what(answer)}, and counts instead."
            )
        elif again := sorted(answer.names & found.again.keys()):
            cell = found.again[again[0]]
            reviews[name] = f"cell {cell} defines `{again[0]}` again, above its check, and counts."
    return reviews


def about_notebook(found: Sorted) -> str:
    """Say in the table and the log what is odd about a notebook as a whole."""
    tasks = [answer for answer in found.answers.values() if answer.names]
    if tasks and not any(answer.found for answer in tasks):
        return "It has none of the answer cells: is it the notebook of this assignment?"
    return f"The notebook {IDS_LOST}." if found.without_ids else ""


def _what(answer: Answer) -> str:
    if answer.names:
        return f"defines {' or '.join(f'`{name}`' for name in sorted(answer.names))}"
    return "stands below its question"
