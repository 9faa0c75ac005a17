"""Each attack is a submission: it gains nothing, and honest ones beside and after it stand."""

import contextlib
import dataclasses
import os
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
import pytest
from helpers import assert_nothing_runs

import mnist_course
from mnist_course.grading.judging.arguments import SharedArguments
from mnist_course.grading.judging.student import Session, Student, StudentError
from mnist_course.grading.sandbox import bubblewrap, seccomp
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).parents[2]
PACKAGE = Path(mnist_course.__file__).parent
HONEST = "import numpy as np\ndef double(x):\n    return np.add(x, x)"
LIMITS = Limits(
    memory=3 * 2**29,
    disk=2**25,
    file_size=2**24,
    open_files=64,
    processes=200,
    seconds_per_cell=20.0,
    seconds_per_call=20.0,
)

Attack = Callable[..., AbstractContextManager[Student]]


@pytest.fixture(scope="module")
def sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "limits", LIMITS)
        yield sandbox
        with session(sandbox, HONEST) as after:
            assert after.call("double", 21) == 42


@pytest.fixture
def attack(sandbox: Sandbox) -> Attack:
    """Run a submission; an honest one, begun after the last attack, gets the right answer."""

    @contextmanager
    def run(*cells: str) -> Iterator[Student]:
        with session(sandbox, HONEST) as beside:
            with session(sandbox, *cells) as attacker:
                yield attacker
            assert beside.call("double", 21) == 42
        assert_nothing_runs(sandbox)

    return run


@contextmanager
def session(sandbox: Sandbox, *cells: str) -> Iterator[Student]:
    named = [(f"cell_{number}", code) for number, code in enumerate(cells)]
    with Session(named, spawn=sandbox.spawn) as running:
        yield Student(running, "cell_0")


def assert_succeeded(student: Student) -> None:
    assert student.session.failures == {}


def assert_out_of_memory(student: Student) -> None:
    with pytest.raises(StudentError, match="`f` used too much memory and was stopped"):
        student.call("f")
    assert student.session.child.reason() == "out_of_memory"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_course.grading.judging.student.GRACE", 0.5)


# ------------------------------------------------------------------------------------- reading


def test_finds_no_file_but_system_python_package_and_data(attack: Attack, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    known = [*bubblewrap._SYSTEM.split(), *map(str, bubblewrap._python()), str(PACKAGE)]
    known += ["/proc", "/dev", str(bubblewrap.HOME)]
    code = f"""
import os
known = {known!r}
seen = []
for folder, folders, files in os.walk("/"):
    # The private folder has what is in /tmp, too.
    if folder.removeprefix("/private") in known or folder in known:
        folders.clear()
    else:
        seen += [os.path.join(folder, file).removeprefix("/private") for file in files]
seen = [file for file in seen if file not in known]
"""
    with attack(code) as student:
        seen = student.json("seen")
        assert set(seen) - {"/data/mnist.npz"} == {"/etc/passwd", "/etc/group"}


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "solutions",
        ROOT / "tests",
        ROOT / "exercises",
        ROOT / "gradebook.db",
        ROOT / ".git",
        ROOT / "pyproject.toml",
        Path.home() / ".bashrc",
        Path("/etc/shadow"),
        Path("/etc/hostname"),
        Path("/sys"),
        Path("/run"),
        Path("/var"),
        Path("/proc/1/root/etc"),
    ],
    ids=str,
)
def test_cannot_read_what_is_outside(sandbox: Sandbox, path: Path) -> None:
    with session(sandbox, f"import os\nseen = os.access({str(path)!r}, os.F_OK)") as student:
        assert student.json("seen") is False


def test_has_no_variable_of_the_environment_outside(attack: Attack, secret: str) -> None:
    code = """
import glob, os
seen = [repr(dict(os.environ))]
for file in glob.glob("/proc/[0-9]*/environ"):
    try:
        seen.append(open(file).read())
    except OSError:
        pass
"""
    with attack(code) as student:
        seen = student.json("seen")
        assert len(seen) == 2  # its own process, but not process 1
        for text in seen:
            assert "HOME" in text
            for outside in (secret, "pytest", "PYTEST", "GRAD"):
                assert outside not in text


def test_sees_only_its_own_processes(attack: Attack) -> None:
    code = """
import ctypes, os
numbers = sorted(name for name in os.listdir("/proc") if name.isdecimal())
refused = []
for name in ("environ", "mem", "maps", "fd", "cwd", "root", "ns/pid"):
    try:
        path = f"/proc/1/{name}"
        os.listdir(path) if name in ("fd", "cwd", "root") else open(path, "rb").read(1)
    except OSError:
        refused.append(name)
PTRACE_ATTACH = 16
traced = ctypes.CDLL(None).ptrace(PTRACE_ATTACH, 1, None, None)
files = []
for name in os.listdir("/proc/self/fd"):
    try:
        files.append(os.readlink(f"/proc/self/fd/{name}"))
    except FileNotFoundError:
        pass  # of the listing itself
"""
    with attack(code) as student:
        assert student.json("numbers") == ["1", "2"]
        assert student.json("refused") == ["environ", "mem", "maps", "fd", "cwd", "root", "ns/pid"]
        assert student.json("traced") == -1
        files = student.json("files")
        assert sum(file.startswith("socket:") for file in files) == 1  # the connection
        for file in files:
            assert file.startswith(("socket:", "/dev/null", "/private/")), files


# ------------------------------------------------------------------------------------- writing


def test_cannot_write_outside(attack: Attack, tmp_path: Path) -> None:
    folders = [
        *("/", "/usr/bin", "/usr/lib", "/etc", "/dev", "/dev/pts", "/data", "/proc", "/home"),
        *(str(PACKAGE), str(PACKAGE.parent), sys.prefix, f"{sys.prefix}/bin", sys.base_prefix),
        *(str(Path(module.__file__).parent) for module in (os, psutil)),
        str(tmp_path),
        *("/tmp/" + name for name in Path(sys.prefix).parts[2:3] if sys.prefix[:5] == "/tmp/"),
    ]
    files = [
        *(
            "/data/mnist.npz",
            os.__file__,
            psutil.__file__,
            sys.executable,
            str(PACKAGE / "data.py"),
        ),
        *("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname"),
        *("/proc/sys/user/max_user_namespaces", "/proc/1/oom_score_adj", "/etc/passwd"),
    ]
    code = f"""
import os
written = []
for folder in {folders!r}:
    try:
        open(os.path.join(folder, "left-behind"), "w").close()
        written.append(folder)
    except OSError:
        pass
for file in {files!r}:
    for change in (lambda: os.open(file, os.O_WRONLY), lambda: os.chmod(file, 0o666)):
        try:
            change()
            written.append(file)
        except OSError:
            pass
"""
    with attack(code) as student:
        assert student.json("written") == []
    assert list(tmp_path.iterdir()) == []


def test_leaves_no_file_for_others(sandbox: Sandbox) -> None:
    places = ["/tmp", "/dev/shm", "~", "."]
    leave = f"""
import os
for place in {places!r}:
    open(os.path.join(os.path.expanduser(place), "left-behind"), "w").close()
"""
    look = f"""
import os
seen = [f for place in {places!r} for f in os.listdir(os.path.expanduser(place)) if "left" in f]
"""
    with session(sandbox, leave) as student, session(sandbox, look) as beside:
        assert_succeeded(student)
        assert beside.json("seen") == []
    with session(sandbox, look) as after:
        assert after.json("seen") == []


def test_patched_libraries_stay_in_the_submission(attack: Attack) -> None:
    code = """
import builtins, sys, numpy as np, mnist_course.grading.inside.runner as runner
np.add = lambda x, y: 1
builtins.abs = lambda x: 1
runner.serve = runner._call = None
sys.modules["numpy"].__dict__["zeros"] = None
"""
    with attack(code) as student:
        assert_succeeded(student)


def test_files_in_the_working_folder_shadow_nothing(attack: Attack) -> None:
    code = """
import os, sys
for name in ("ipykernel_launcher", "tensorflow", "colorsys", "sitecustomize"):
    open(f"{name}.py", "w").write("mine = True")
import colorsys, ipykernel_launcher, tensorflow
mine = [hasattr(module, "mine") for module in (colorsys, ipykernel_launcher, tensorflow)]
mine += [os.getcwd() in sys.path, "" in sys.path]
"""
    with attack(code) as student:
        assert student.json("mine") == [False] * 5


# ------------------------------------------------------------------------------------- network


def test_reaches_no_listener_of_the_machine(attack: Attack, tmp_path: Path) -> None:
    listeners = [socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    addresses: list[object] = [("127.0.0.1", 0), f"\0{tmp_path}", str(tmp_path / "socket")]
    with contextlib.ExitStack() as stack:
        for listener, address in zip(listeners, addresses, strict=True):
            stack.enter_context(listener)
            listener.bind(address)
            listener.listen()
            listener.setblocking(False)
        code = f"""
import socket
reached = []
for address in [("127.0.0.1", {listeners[0].getsockname()[1]}), *{addresses[1:]!r}]:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(2)
        try:
            s.connect(address)
            reached.append(address)
        except OSError:
            pass
"""
        with attack(code) as student:
            assert student.json("reached") == []
        for listener in listeners:
            with pytest.raises(BlockingIOError):
                listener.accept()


def test_has_no_sockets_but_those_of_unix(attack: Attack) -> None:
    code = """
import socket
families, pairs = [], []
for made, make in ((families, socket.socket), (pairs, socket.socketpair)):
    for family in range(46):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                make(family, kind)
                made.append(family)
            except OSError:
                pass
"""
    with attack(code) as student:
        assert_succeeded(student)
        assert set(student.json("families")) == {socket.AF_UNIX}
        assert set(student.json("pairs")) == {socket.AF_UNIX}


# --------------------------------------------------------------------------- others at that time

# Any file that all submissions see, and its folder.
SHARED = str(PACKAGE / "__init__.py")
SPEAK = f"""
import fcntl, os, struct
F_OFD_SETLK = 37
def lock(kind, start):
    return struct.pack("@hhlli4x", kind, os.SEEK_SET, start, 1, 0)
def speak():
    file, folder = os.open({SHARED!r}, os.O_RDONLY), os.open({str(PACKAGE)!r}, os.O_RDONLY)
    for say in (
        lambda: fcntl.flock(file, fcntl.LOCK_EX),
        lambda: fcntl.flock(folder, fcntl.LOCK_EX),
        lambda: fcntl.lockf(file, fcntl.LOCK_SH, 7, 7),
        lambda: fcntl.fcntl(file, F_OFD_SETLK, lock(fcntl.F_RDLCK, 20)),
        lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK),
        lambda: os.listdir(folder),
    ):
        try:
            say()
        except OSError:
            pass
    return True
"""
LISTEN = f"""
import ctypes, fcntl, os, select, signal, struct
F_OFD_GETLK = 36
libc = ctypes.CDLL(None)
file, folder = os.open({SHARED!r}, os.O_RDONLY), os.open({str(PACKAGE)!r}, os.O_RDONLY)
def lock(kind, start):
    return struct.pack("@hhlli4x", kind, os.SEEK_SET, start, 1, 0)
def locked(get, start):
    return struct.unpack("@hhlli4x", fcntl.fcntl(file, get, lock(fcntl.F_WRLCK, start)))[0] == 0
def taken(descriptor):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
notices = []
signal.signal(signal.SIGIO, lambda *_: notices.append("dnotify"))
watch = libc.inotify_init1(os.O_NONBLOCK)
if watch >= 0:
    libc.inotify_add_watch(watch, {str(PACKAGE)!r}.encode(), 0xFFF)
try:
    fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS | fcntl.DN_MULTISHOT)
except OSError:
    pass
def listen():
    heard = []
    for name, hear in (
        ("flock", lambda: taken(file)),
        ("flock of a folder", lambda: taken(folder)),
        ("lockf", lambda: locked(fcntl.F_GETLK, 7)),
        ("lock of a file description", lambda: locked(F_OFD_GETLK, 20)),
        ("inotify", lambda: os.read(watch, 10_000)),
        ("dnotify", lambda: bool(notices)),
    ):
        try:
            if hear():
                heard.append(name)
        except OSError:
            pass
    return heard
"""


def test_cannot_talk_to_others_over_shared_files(sandbox: Sandbox) -> None:
    with session(sandbox, LISTEN) as listener, session(sandbox, SPEAK) as speaker:
        assert_succeeded(listener)
        assert listener.call("listen") == []
        assert speaker.call("speak")
        assert listener.call("listen") == []


# ------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    "end",
    ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.killpg(0, 9)", "os.abort()"],
)
def test_may_end_itself_alone(attack: Attack, end: str) -> None:
    with attack(f"import os\n{end}", "f = 3") as student:
        with pytest.raises(StudentError, match="ended the process"):
            student.call("f")
        assert student.session.child.reason() is None


@pytest.mark.parametrize("end", ["os.kill(os.getppid(), 9)", "os.kill(-1, 9)", "os.kill(-1, 19)"])
def test_ends_nobody_else(attack: Attack, end: str) -> None:
    code = f"import contextlib, os\nwith contextlib.suppress(ProcessLookupError):\n    {end}"
    with attack(code) as student:
        assert_succeeded(student)


def test_stopping_itself_is_too_long(attack: Attack, impatient: None) -> None:
    code = "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGSTOP)"
    with attack(code) as student:
        answer = student.session.ask(0.5, "call", "f", (), memory=SharedArguments(()).descriptor)
        assert answer == ("failed", "took too long and was stopped.")


def test_an_answer_cut_short_is_too_long(attack: Attack, impatient: None) -> None:
    code = """
import os, stat, time
def f():
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and stat.S_ISSOCK(os.stat(int(name)).st_mode):
                os.write(int(name), b"\\0\\0\\1\\0half")
        except OSError:
            pass
    time.sleep(60)
"""
    with attack(code) as student:
        answer = student.session.ask(0.5, "call", "f", (), memory=SharedArguments(()).descriptor)
        assert answer == ("failed", "took too long and was stopped.")


@pytest.mark.parametrize(
    "stay",
    [
        "import atexit\natexit.register(time.sleep, 60)\natexit.register(sys.exit)",
        "import threading\nthreading.Thread(target=time.sleep, args=(60,)).start()",
        "for number in set(signal.Signals) - {9, 19}:\n    signal.signal(number, signal.SIG_IGN)",
        # The process of which nobody is the parent, in a session of its own, with the connection.
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(60)\n"
        "    os._exit(0)",
        "import subprocess\nsubprocess.Popen(['setsid', 'nohup', 'sleep', '60'], close_fds=False)",
    ],
    ids=["atexit", "thread", "signals", "double fork", "nohup"],
)
@pytest.mark.parametrize("end", ["f = 1", "os._exit(0)"])
def test_nothing_outlives_the_submission(attack: Attack, stay: str, end: str) -> None:
    with attack(f"import os, signal, sys, time\n{stay}\n{end}"):
        pass


# ------------------------------------------------------------------------------------- bombs


def test_threads_are_limited(attack: Attack) -> None:
    code = """
import threading, time
def f():
    number = 0
    while True:
        try:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            number += 1
        except RuntimeError:
            return number
"""
    with attack(code) as student:
        assert student.call("f") < LIMITS.processes


def test_processes_are_limited(attack: Attack) -> None:
    code = """
import os, subprocess, time
def f():
    subprocess.Popen(["bash", "-c", "bomb() { bomb | bomb & }; bomb"])
    counts = []
    for _ in range(20):
        time.sleep(0.1)
        counts.append(sum(name.isdecimal() for name in os.listdir("/proc")))
    return counts
"""
    with attack(code) as student:
        counts = student.call("f")
        assert LIMITS.processes / 2 < max(counts) <= LIMITS.processes


@pytest.mark.parametrize(
    "bomb",
    [
        "held = [np.ones(2**24) for _ in range(100)]",
        "held = mmap.mmap(-1, 2**33, flags=mmap.MAP_PRIVATE)\n"
        "    for i in range(0, 2**33, 4096): held[i] = 1",
        "while True:\n        os.fork()",
        "for _ in range(20):\n        if os.fork() == 0:\n"
        "            held = np.ones(2**25)\n            time.sleep(60)\n    time.sleep(60)",
    ],
    ids=["arrays", "mapping", "forks", "many processes"],
)
def test_memory_is_limited(attack: Attack, bomb: str) -> None:
    with attack(f"import mmap, os, time\nimport numpy as np\ndef f():\n    {bomb}") as student:
        assert_out_of_memory(student)


def test_page_tables_are_limited(attack: Attack) -> None:
    """Reading a page of zeros takes no memory, but a table for each 512 of them."""
    code = """
import mmap
NO_RESERVE, STEP = 0x4000, 2**21
def f():
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE
    held = mmap.mmap(-1, 2**40, flags=flags, prot=mmap.PROT_READ)
    held.madvise(mmap.MADV_NOHUGEPAGE)
    return sum(held[start] for start in range(0, len(held), STEP))
"""
    with attack(code) as student:
        assert_out_of_memory(student)


def test_what_is_on_its_way_between_sockets_is_limited(attack: Attack) -> None:
    fill = """
import socket, time
held = []
try:
    while True:
        held.append(socket.socketpair())
except OSError:
    pass
for one, other in held:
    for end in (one, other):
        end.setblocking(False)
        try:
            while True:
                end.send(bytes(2**16))
        except BlockingIOError:
            pass
time.sleep(60)
"""
    code = f"""
import subprocess, sys, time
def f():
    for _ in range(100):
        subprocess.Popen([sys.executable, "-I", "-S", "-c", {fill!r}])
    time.sleep(60)
"""
    with attack(code) as student:
        assert_out_of_memory(student)


def test_a_socket_holds_no_more_than_usual(attack: Attack) -> None:
    code = """
import socket
one, other = socket.socketpair()
one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**30)
one.setblocking(False)
sent = 0
try:
    while True:
        sent += one.send(bytes(2**16))
except BlockingIOError:
    pass
"""
    limit = int(Path("/proc/sys/net/core/wmem_default").read_text())
    with attack(code) as student:
        assert_succeeded(student)
        assert 0 < student.json("sent") <= 2 * limit


def test_a_pipe_holds_no_more_than_usual(attack: Attack) -> None:
    code = """
import fcntl, os
read, write = os.pipe()
os.set_blocking(write, False)
try:
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 2**20)
except OSError:
    pass
sent = 0
try:
    while True:
        sent += os.write(write, bytes(2**12))
except BlockingIOError:
    pass
"""
    with attack(code) as student:
        assert_succeeded(student)
        assert 0 < student.json("sent") <= 2**16


def test_time_of_children_that_nobody_waits_for_is_limited(
    attack: Attack, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = dataclasses.replace(LIMITS, cpu_seconds=4.0, seconds_per_call=300.0)
    monkeypatch.setattr(sandbox, "limits", limits)
    code = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def f():
    for _ in range(10):
        if os.fork() == 0:
            while time.process_time() < 1:
                pass
            os._exit(0)
        try:
            os.wait()
        except ChildProcessError:
            pass
    return True
"""
    with attack(code) as student:
        with pytest.raises(StudentError, match="used too much CPU time and was stopped"):
            student.call("f")
        assert student.session.child.reason() == "out_of_cpu_time"


def test_no_memory_is_hidden_from_the_count(attack: Attack) -> None:
    code = """
import mmap, os
def mapped(flags, path=None):
    file = os.open(path, os.O_RDWR) if path else -1
    try:
        return bool(mmap.mmap(file, 2**20, flags=flags))
    except OSError:
        return False
private = mapped(mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
shared = [
    mapped(mmap.MAP_SHARED | mmap.MAP_ANONYMOUS),
    mapped(3 | mmap.MAP_ANONYMOUS),  # MAP_SHARED_VALIDATE
    mapped(mmap.MAP_SHARED, "/dev/zero"),
]
zeros = open("/dev/zero", "rb").read(3)
"""
    with attack(code) as student:
        assert_succeeded(student)
        assert student.json("private") is True
        assert student.json("shared") == [False] * 3
        assert student.json("zeros") == bytes(3)


def test_files_are_limited(attack: Attack) -> None:
    code = """
import errno, os
errors = set()
def fill(folder):
    for number in range(4):
        with open(os.path.join(folder, str(number)), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(2**20))
            except OSError as error:
                errors.add(errno.errorcode[error.errno])
for folder in ("/tmp", "/dev/shm", os.path.expanduser("~"), "."):
    fill(folder)
held = [os.path.getsize(f"{folder}/{n}") for folder in ("/tmp", "/dev/shm") for n in range(4)]
for number in range(100_000):
    try:
        os.mkdir(str(number + 10))
    except OSError as error:
        errors.add(errno.errorcode[error.errno])
        break
descriptors = []
try:
    while True:
        descriptors.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    errors.add(errno.errorcode[error.errno])
for descriptor in descriptors:
    os.close(descriptor)
errors = sorted(errors)
"""
    with attack(code) as student:
        assert_succeeded(student)
        assert student.json("errors") == ["EFBIG", "EMFILE", "ENOSPC"]
        held = student.json("held")
        assert max(held) == LIMITS.file_size
        assert LIMITS.disk / 2 < sum(held) <= LIMITS.disk
        assert student.json("number") < 10_000


# ------------------------------------------------------------------------------------- rights


def test_has_no_rights_and_gets_none(attack: Attack) -> None:
    code = """
import ctypes, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
sets = ("CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd")
rights = [int(status[name], 16) for name in sets]
no_new = status["NoNewPrivs"].strip()
libc = ctypes.CDLL(None)
NEW_USER, NEW_MOUNTS, READ_ONLY, REMOUNT_BIND = 0x10000000, 0x00020000, 1, 32 | 4096
gained = [
    libc.unshare(NEW_USER),
    libc.unshare(NEW_MOUNTS),
    libc.umount2(b"/private", 2),
    libc.umount2(b"/proc", 2),
    libc.umount2(b"/tmp", 2),
    libc.mount(b"none", b"/proc", b"", REMOUNT_BIND, b""),
    libc.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, b""),
    libc.setuid(0),
    libc.chroot(b"/"),
    libc.sethostname(b"mine", 4),
]
"""
    with attack(code) as student:
        assert student.json("rights") == [0] * 5
        assert student.json("no_new") == "1"
        assert student.json("gained") == [-1] * 10


@pytest.mark.parametrize("name", seccomp.REFUSED)
def test_cannot_call_what_no_namespace_covers(sandbox: Sandbox, name: str) -> None:
    number = seccomp.REFUSED[name][platform.machine() == "aarch64"]
    if number is None:
        pytest.skip(f"{platform.machine()} has no {name}")
    code = f"""
import ctypes, errno
result = ctypes.CDLL(None, use_errno=True).syscall({number}, 0, 0, 0, 0, 0, 0)
error = errno.errorcode.get(ctypes.get_errno())
"""
    with session(sandbox, code) as student:
        assert (student.json("result"), student.json("error")) == (-1, "ENOSYS")


def test_cannot_make_a_thread_with_files_of_its_own(attack: Attack) -> None:
    """Which /proc would not show, and nobody would count."""
    clone = 220 if platform.machine() == "aarch64" else 56
    code = f"""
import ctypes, errno
VM, FS, SIGHAND, THREAD = 0x100, 0x200, 0x800, 0x10000
libc = ctypes.CDLL(None, use_errno=True)
result = libc.syscall({clone}, VM | FS | SIGHAND | THREAD, 0, 0, 0, 0)
error = errno.errorcode.get(ctypes.get_errno())
"""
    with attack(code) as student:
        assert (student.json("result"), student.json("error")) == (-1, "ENOSYS")


def test_no_core_is_dumped_to_a_file_or_a_program(attack: Attack) -> None:
    """A limit of 1 byte stops the kernel from starting a program; see core(5) for the rest."""
    look = "grep core /proc/self/limits; cat /proc/self/coredump_filter"
    code = f"""
import resource, subprocess
changed = []
for limit in (0, resource.RLIM_INFINITY):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, limit))
        changed.append(limit)
    except (OSError, ValueError):
        pass
try:
    open("/proc/self/coredump_filter", "w").write("255")
    changed.append("filter")
except OSError:
    pass
seen = subprocess.run(["sh", "-c", {look!r}], capture_output=True, text=True).stdout.split()
"""
    with attack(code) as student:
        assert_succeeded(student)
        assert student.json("changed") == []
        assert student.json("seen") == ["Max", "core", "file", "size", "1", "1", "bytes", "0" * 8]
