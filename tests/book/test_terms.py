"""Words in italics lead to the glossary where it has them, once on a page, and only there."""

import subprocess
import sys
from pathlib import Path

from bs4 import BeautifulSoup

EXTENSIONS = Path(__file__).parents[2] / "book" / "_extensions"
CONFIG = f"""
import sys
sys.path.append({str(EXTENSIONS)!r})
extensions = ["myst_parser", "terms"]
"""
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


def test_first_word_in_italics_on_a_page_leads_to_its_entry(tmp_path: Path) -> None:
    for name, text in (("conf.py", CONFIG), ("index.md", PAGE), ("glossary.md", GLOSSARY)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    built = tmp_path / "_build"
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", str(tmp_path), str(built)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    page = BeautifulSoup((built / "index.html").read_text(encoding="utf-8"), "html.parser")
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
