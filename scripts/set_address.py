"""Set the public address of the repository and its book, everywhere it is written.

    python scripts/set_address.py OWNER/NAME [--host HOST] [--site URL]
    python scripts/set_address.py --check

For a fork, a university's copy or a mirror. The setting is [project.urls] in pyproject.toml:
Repository, and the book's address as Documentation. Links, launch buttons, install lines and badges
in all tracked files follow from it; `--check` lists the files that disagree with it.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from mnist_course._files import atomic

ROOT = Path(__file__).parents[1]
PROJECT = "pyproject.toml"
CONFIG = "_config.yml"
GITHUB = "github.com"
# Part of an owner, a name or a host; a period may end a sentence, so it is not the last character.
WORD = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
URL = re.compile(rf"https://({WORD})/({WORD}/{WORD})")
INSTALLED = re.compile(rf"mnist-course @ git\+https://({WORD})/({WORD}/{WORD})")


@dataclass(frozen=True)
class Address:
    """Where the repository and the book are.

    Attributes
    ----------
    host : str
        Such as ``github.com``.
    repository : str
        ``OWNER/NAME``.
    site : str
        The URL of the book, without a slash at the end.
    """

    host: str
    repository: str
    site: str

    def forms(self) -> list[str]:
        """Return each way to write the address; those of two addresses correspond."""
        page = f"{self.host}/{self.repository}"
        quoted = quote(f"https://{page}", safe="")
        on_github = self.host == GITHUB
        return [
            page,
            f"{self.host}:{self.repository}",  # git over SSH
            quoted,
            f"raw.githubusercontent.com/{self.repository}" if on_github else f"{page}/raw",
            f"mybinder.org/v2/gh/{self.repository}"
            if on_github
            else f"mybinder.org/v2/git/{quoted}",
            f"colab.research.google.com/github/{self.repository}",  # which reads GitHub alone
            self.site,
        ]


def pages_site(host: str, repository: str) -> str:
    """Return the address that GitHub Pages gives the book; empty for other hosts."""
    owner, name = repository.split("/")
    pages = f"{owner.lower()}.github.io"
    if host != GITHUB:
        return ""
    return f"https://{pages}" if name.lower() == pages else f"https://{pages}/{name}"


def read_setting(root: Path) -> Address:
    """Read the address from pyproject.toml."""
    urls = tomllib.loads((root / PROJECT).read_text(encoding="utf-8"))["project"]["urls"]
    if not (match := URL.fullmatch(urls["Repository"])):
        raise SystemExit(
            f"Repository in {PROJECT} is {urls['Repository']}: expected https://HOST/OWNER/NAME."
        )
    return Address(match[1], match[2], urls["Documentation"].rstrip("/"))


def read_request(repository: str, host: str, site: str | None) -> Address:
    """Check what was asked for, and return it as an address."""
    if not re.fullmatch(rf"{WORD}/{WORD}", repository, re.ASCII):
        raise SystemExit(f"{repository!r} is not a repository: expected OWNER/NAME.")
    if not re.fullmatch(WORD, host):
        raise SystemExit(f"{host!r} is not a host: expected a name such as {GITHUB}.")
    site = site or pages_site(host, repository)
    if not site:
        raise SystemExit(f"Only {GITHUB} has an address for the book: give yours with --site URL.")
    parts = urlsplit(site)
    if not re.fullmatch(r"https?://[\w./~:-]+", site, re.ASCII) or not parts.hostname:
        raise SystemExit(f"{site!r} is not the address of a site: expected https://HOST/PATH.")
    if site.rstrip("/") == f"https://{host}/{repository}":
        raise SystemExit(f"{site} is the repository: give the book an address of its own.")
    return Address(host, repository, site.rstrip("/"))


def read_tracked(root: Path) -> dict[Path, str]:
    """Read every tracked text file."""
    command = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z"]  # any owner's
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"git does not list the files of {root} ({error}): run it in a clone."
        ) from None
    texts = {}
    for name in filter(None, listed.decode().split("\0")):
        path = root / name
        if path.is_file() and not path.is_symlink():
            try:
                texts[path] = path.read_bytes().decode()
            except UnicodeDecodeError:
                continue  # a picture, data
    return texts


def find_addresses(root: Path, texts: dict[Path, str]) -> list[Address]:
    """Find the addresses in use: the setting, and those left from before it changed.

    A merge may bring them in, or an edit of pyproject.toml by hand: in _config.yml, in lines that
    install the course, and in links to a repository with the same name and another owner.
    """
    setting = read_setting(root)
    found = [setting]
    config = texts.get(root / CONFIG, "")
    url = re.search(rf"^  url: {URL.pattern}$", config, re.MULTILINE)
    site = re.search(r"^  baseurl: (\S+?)/?$", config, re.MULTILINE)
    if url and site:
        found.append(Address(url[1], url[2], site[1]))
    name = re.escape(setting.repository.split("/")[1])
    hosts = rf"raw\.githubusercontent\.com|github|v2/gh|{re.escape(setting.host)}"
    namesake = re.compile(rf"\b(?:{hosts})/({WORD}/{name})(?![\w-])")
    pages = re.compile(rf"//({WORD})\.github\.io/({name})(?![\w-])")
    places = set()
    for text in texts.values():
        places.update((host, slug.removesuffix(".git")) for host, slug in INSTALLED.findall(text))
        places.update((setting.host, slug) for slug in namesake.findall(text))
        places.update((GITHUB, "/".join(slug)) for slug in pages.findall(text))
    known = {(address.host, address.repository) for address in found}
    found += [
        Address(host, slug, pages_site(host, slug) or setting.site)
        for host, slug in sorted(places - known)
    ]
    return found


def rewrite(texts: dict[Path, str], old: list[Address], new: Address) -> dict[Path, str]:
    """Return the texts that change when each old address becomes the new one."""
    replacements: dict[str, str] = {}
    for address in old:
        for form, other in zip(address.forms(), new.forms(), strict=True):
            replacements.setdefault(form, other)
    longest_first = sorted(replacements, key=len, reverse=True)
    # Whole addresses only: neither mnist-course-2, nor gist.github.com; but NAME.git.
    pattern = re.compile(
        rf"(?<![\w.-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-]|\.(?!git\b)\w)"
    )
    changed = {}
    for path, text in texts.items():
        replaced = pattern.sub(lambda match: replacements[match[0]], text)
        if replaced != text:
            changed[path] = replaced
    return changed


def write(root: Path, changed: dict[Path, str]) -> None:
    """Write the files, pyproject.toml last: a run that was stopped can be repeated."""
    for path in sorted(changed, key=lambda path: (path == root / PROJECT, path)):
        with atomic(path) as temporary:
            temporary.write_bytes(changed[path].encode())
            shutil.copymode(path, temporary)
        print(f"Wrote {path.relative_to(root).as_posix()}")


def main() -> int:
    """Rewrite the address, or with --check list the files that disagree with the setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("repository", nargs="?", metavar="OWNER/NAME", help="of the repository")
    task.add_argument("--check", action="store_true", help="only list the files that disagree")
    parser.add_argument("--host", default=GITHUB, help="where the repository is (%(default)s)")
    parser.add_argument("--site", metavar="URL", help="of the book (default: GitHub Pages)")
    options = parser.parse_args()
    if options.check:
        new = read_setting(ROOT)
    else:
        new = read_request(options.repository, options.host, options.site)
    texts = read_tracked(ROOT)
    changed = rewrite(texts, find_addresses(ROOT, texts), new)
    if options.check:
        for path in changed:
            print(f"{path.relative_to(ROOT).as_posix()} has another address than {PROJECT}")
        return 1 if changed else 0
    write(ROOT, changed)
    print(f"{len(changed)} files changed: https://{new.host}/{new.repository}, book at {new.site}/")
    if new.host != GITHUB:
        print(
            f"Colab reads {GITHUB} only: remove its links, and colab_url from {CONFIG}. "
            "If the host is not gitlab.com, add repository_provider to html_theme_options there."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
