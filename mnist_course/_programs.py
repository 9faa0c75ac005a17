"""Look for programs that are not Python's: a browser, and what makes the sandbox."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
    # Where installers put them that change no PATH.
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
SECONDS = 120  # importing TensorFlow from a slow disk takes a while


def find_browser() -> str | None:
    """Look for a browser of the Chromium family.

    Returns
    -------
    str or None
        The path of the program. `mnist-course book --pdf` prints with it.
    """
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def try_sandbox() -> tuple[str, str]:
    """Try to make the sandbox in which learners' code is graded.

    Returns
    -------
    reason : str
        Why it cannot be made; empty if it can.
    command : str
        The command that fixes that; empty if none can.
    """
    if sys.platform != "linux":
        return f"not available on {platform.system()}; grade submissions on Linux", ""
    if not (bwrap := shutil.which("bwrap")):
        return "bubblewrap is not installed", "sudo apt-get install bubblewrap"
    namespaces = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
    # Each submission has namespaces of its own within those of the sandbox, and a /proc.
    trial = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "true"]
    try:
        result = run([bwrap, *namespaces, "--bind", "/", "/", *trial])
    except subprocess.TimeoutExpired:
        return f"bwrap did not answer in {SECONDS} s", ""
    if result.returncode:
        return f"bwrap cannot make a sandbox: {result.stderr.strip()[:200]}", _allow_namespaces()
    return "", ""


def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a program for at most `SECONDS`, and keep what it prints."""
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def _allow_namespaces() -> str:
    """Return the command that lets ordinary users make namespaces, where a setting forbids it."""
    for setting, value in (
        ("kernel.apparmor_restrict_unprivileged_userns", 0),  # Ubuntu from 23.10 on
        ("kernel.unprivileged_userns_clone", 1),  # Debian before 11
    ):
        if Path("/proc/sys", *setting.split(".")).exists():
            return f"sudo sysctl {setting}={value}"
    return ""
