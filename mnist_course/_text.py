"""Phrases that several rooms print."""


def counted(number: float, noun: str) -> str:
    """Format a number with its noun in the singular or plural.

    Examples
    --------
    >>> counted(1, "page"), counted(1200, "page"), counted(0.5, "point")
    ('1 page', '1,200 pages', '0.5 points')
    """
    digits = f"{number:,g}" if isinstance(number, float) else f"{number:,}"
    return f"{digits} {noun}" if number == 1 else f"{digits} {noun}s"
