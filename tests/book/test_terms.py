"""Words in italics lead to the glossary where it has them, once on a page, and only there."""

from collections.abc import Callable
from pathlib import Path

from bs4 import BeautifulSoup

CONFIG = 'extensions = ["myst_parser", "terms"]'
PAGE = """# Page

```{toctree}
glossary
```

A *neuron* adds up, and many *neurons*, or *Dense
layers*, add up more. *ReLU* bends, and *probabilities* come out.
This *word* is only stressed. Again, a *neuron*, and a [*neuron*](https://example.org).
"""
GLOSSARY = """# Glossary

```{glossary}
dense layer
  A layer.

ReLU
  A bend.

probability
  A number.

neuron
  It adds up. A *neuron* here is only stressed, too.
```
"""


def test_first_word_in_italics_on_a_page_leads_to_its_entry(
    tmp_path: Path, build_pages: Callable[[Path, str], dict[str, BeautifulSoup]]
) -> None:
    for name, text in (("index.md", PAGE), ("glossary.md", GLOSSARY)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    page = build_pages(tmp_path, CONFIG)["index"]
    links = [(em.get_text(), em.parent) for em in page.find_all("em")]
    assert [(" ".join(word.split()), link.get("href")) for word, link in links] == [
        ("neuron", "glossary.html#term-neuron"),
        ("neurons", "glossary.html#term-neuron"),
        ("Dense layers", "glossary.html#term-dense-layer"),
        ("ReLU", "glossary.html#term-ReLU"),
        ("probabilities", "glossary.html#term-probability"),
        ("word", None),
        ("neuron", None),
        ("neuron", "https://example.org"),
    ]
