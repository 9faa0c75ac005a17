"""Find what is wrong in a learner's function by repairing it: one small edit at a time.

A check that knows no name for a mistake still has the learner's code. Each edit here undoes one
common slip: another axis, another comparison, `return` after the loop instead of inside it. If a
single edit makes the function right in every case of the check, the slip is proved, and its place
is known. The technique is known as automated program repair, and the edits as mutation operators.
"""

import ast
import contextlib
import copy
import gc
import inspect
import io
import itertools
import os
import select
import signal
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

SECONDS = 2.0  # for all edits of one function
SECONDS_EACH = 0.5
MEMORY = 2**30  # bytes that they may take
LONGEST = 2_000  # bytes of a sentence
UNREPEATABLE = {"open", "input", "exec", "eval", "save", "savefig"}  # never run once more

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
# What each operator may be taken for. `//` in place of `**` would only get rid of a term.
_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: _ARITHMETIC,
    ast.Sub: _ARITHMETIC,
    ast.Mult: (*_ARITHMETIC, ast.Pow, ast.MatMult),
    ast.Div: (*_ARITHMETIC, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mod),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitXor: (ast.Pow,),
    ast.MatMult: (ast.Mult,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
}
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_EQUALITIES = (ast.Eq, ast.NotEq)
# Names that learners take for each other.
_FAMILIES = (
    ("sum", "mean", "median", "prod", "cumsum"),
    ("max", "min", "maximum", "minimum"),
    ("argmax", "argmin"),
    ("max", "argmax"),
    ("min", "argmin"),
    ("any", "all"),
    ("len", "sum"),
    ("std", "var"),
    ("zeros", "ones"),
    ("floor", "ceil", "round", "rint"),
    ("log", "log2", "log10", "log1p"),
    ("exp", "exp2", "expm1"),
    ("square", "sqrt", "abs"),
    ("append", "extend"),
    ("reshape", "resize"),
    ("astype", "view"),
    ("uint8", "int8", "int16", "int32", "int64", "float32", "float64"),
    ("big", "little"),
    ("loss", "val_loss", "accuracy", "val_accuracy"),
    ("train_images", "val_images", "new_images", "raw_images", "raw_new_images"),
    ("train_labels", "val_labels", "raw_labels"),
    ("validation_accuracy", "test_accuracy"),
)
_REDUCTIONS = ("sum", "mean", "max", "min", "argmax", "argmin", "any", "all", "std", "var", "prod")
_COPIES = ("array", "asarray")  # of numbers that may have fractions
_NEW_ARRAYS = ("zeros", "zeros_like", "ones", "ones_like", "empty", "full")
# Arguments that learners leave out: whose they are, and what to try.
_ADDED: tuple[tuple[tuple[str, ...], str, tuple[Any, ...]], ...] = (
    (_REDUCTIONS, "axis", (0, 1, -1, (0, 1), (1, 2))),
    (_REDUCTIONS, "keepdims", (True,)),
    (_NEW_ARRAYS, "dtype", ("int64", "float64", "float32")),
    (_COPIES, "dtype", ("float64", "float32")),
    (("bincount",), "minlength", (10,)),
)
# What changes its object or its first argument, and returns None.
_CHANGING_METHODS = {"append", "extend", "insert", "reverse", "sort", "update"}
_CHANGING_FUNCTIONS = {"copyto", "fill_diagonal", "put", "shuffle"}

Edit = tuple[ast.AST, str]  # what to put in the place of a node, and how a sentence names it
# What to put in the place of the statements of a block, and the sentence that says it.
StatementRule = Callable[[list[ast.stmt]], Iterator[tuple[list[ast.stmt], str]]]


def find_edit(function: Any, is_right: Callable[[Any], bool]) -> str:
    """Name the one place in a function that keeps it from being right.

    Parameters
    ----------
    function : callable
        What a learner wrote.
    is_right : callable
        Whether a function is right; it must not raise.

    Returns
    -------
    str
        A sentence with the learner's line, or "" if no single edit makes the function right, or
        its source can't be read.

    Notes
    -----
    Edited code is tried in a copy of this process, so that it leaves nothing behind, and can be
    ended whatever it does. Other systems than Linux can't copy a process with threads safely, and
    there the answer is always "".
    """
    source = _read(function)
    tree = _parse(source)
    if tree is None or sys.platform != "linux":
        return ""

    def search() -> str:
        for sentence in _edits(tree, function, source.splitlines()):
            with contextlib.suppress(Exception):
                signal.setitimer(signal.ITIMER_REAL, SECONDS_EACH)
                right = is_right(_compile(tree, function))
                signal.setitimer(signal.ITIMER_REAL, 0)
                if right:
                    return sentence
        return ""

    return _run_in_a_copy(search)


def _run_in_a_copy(search: Callable[[], str]) -> str:
    """Return what a function returns in a fork of this process, or "" if it isn't done in time."""
    receiver, sender = os.pipe()
    with warnings.catch_warnings(action="ignore"):  # Python 3.12 and later warn of other threads
        child = os.fork()
    if child == 0:
        try:
            # What the parent left to collect, such as a model of Keras, waits for its threads.
            gc.freeze()
            import resource  # which Windows lacks

            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * resource.getpagesize() + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            sys.stdout = sys.stderr = io.StringIO()
            warnings.simplefilter("ignore")
            np.seterr(all="ignore")
            signal.set_wakeup_fd(-1)  # it's the parent's
            signal.signal(signal.SIGALRM, _stop)
            os.write(sender, search().encode())
        finally:
            os._exit(0)
    os.close(sender)
    try:
        done, _, _ = select.select([receiver], [], [], SECONDS)
        return os.read(receiver, LONGEST).decode() if done else ""
    finally:
        os.close(receiver)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _stop(*_: object) -> None:
    raise TimeoutError


def _read(function: Any) -> str:
    """Return the source of a plain function, or ""."""
    if not isinstance(function, FunctionType) or function.__closure__:
        return ""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, ValueError):
        return ""


def _parse(source: str) -> ast.Module | None:
    """Parse the source of a function that may be run again."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    names = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(tree)}
    plain = len(tree.body) == 1 and isinstance(tree.body[0], ast.FunctionDef)
    return tree if plain and not names & UNREPEATABLE else None


def _compile(tree: ast.Module, function: FunctionType) -> Any:
    """Make a function of an edited tree."""
    namespace = dict(function.__globals__)
    # The learner's own code, with one edit, where it runs anyway.
    exec(compile(ast.fix_missing_locations(tree), "<edited>", "exec"), namespace)  # noqa: S102
    return namespace[function.__name__]


def _edits(tree: ast.Module, function: FunctionType, lines: list[str]) -> Iterator[str]:
    """Edit a tree in all ways, one by one; while a sentence is out, its edit is in the tree."""
    returns = [ast.dump(node) for node in ast.walk(tree) if isinstance(node, ast.Return)]
    yield from _returned_in_branches(tree)
    yield from _edits_of_statements(
        tree, _joined, lambda block: _returned(block, returns), _kept, _around_loops, _assigned
    )
    arguments, own, given = _names(tree, function)
    names = [*arguments, *own]
    rules: list[Callable[[ast.AST], Iterator[Edit]]] = [
        lambda node: _arguments_for(node, arguments, given),
        _copied,
        _other_arguments,
        _other_comparisons,
        _other_indices,
        _less,
        _other_numbers,
        lambda node: _fixed_numbers(node, names),
        _other_functions,
        _other_operators,
        _opposite_numbers,
        _other_brackets,
        _other_results,
        _other_loops,
        _updated,
    ]
    # First, because a condition that is never true leaves out what depends on it, too.
    yield from _edits_of_statements(tree, _unconditional)
    yield from _edits_of_expressions(tree, lines, rules)
    yield from _edits_of_statements(tree, _overwritten, _left_out)
    # Last, because a name may stand for a value by accident.
    yield from _edits_of_expressions(tree, lines, [lambda node: _other_names(node, names)])
    yield from _edits_of_statements(tree, _reordered)


def _edits_of_expressions(
    tree: ast.Module, lines: list[str], rules: list[Callable[[ast.AST], Iterator[Edit]]]
) -> Iterator[str]:
    places = list(_places(tree))
    # Copied lines hold the same mistake more than once.
    copies: dict[str, list[_Place]] = {}
    for place in places:
        alike = place.parent if isinstance(place.node, ast.Constant) else place.node
        copies.setdefault(f"{place.field} {ast.dump(alike)}", []).append(place)
    alone = [[place] for place in places]
    together = [same for same in copies.values() if len(same) > 1]
    counters = _counters(tree) & _read_names(tree)
    # The smallest edits come first.
    for rule, chosen in [*itertools.product(rules, alone), *itertools.product(rules, together)]:
        node = chosen[0].node
        line = lines[getattr(node, "lineno", 1) - 1].strip()
        where, everywhere = "The mistake is in", ""
        if len(chosen) > 1:
            where = f"The same mistake is in {len(chosen)} places, as in"
            everywhere = " in all of them"
        for replacement, better in rule(node):
            for place in chosen:
                place.put(replacement)
            # Without its counter, a loop would only repeat the same.
            if counters <= _read_names(tree) and not _turns_a_loop(chosen[0], replacement):
                yield f"{where} your line `{line}`: with {better}{everywhere}, everything is right."
            for place in chosen:
                place.put(place.node)


class _Place(NamedTuple):
    """Where a node is in a tree."""

    parent: ast.AST
    field: str
    position: int | None
    node: ast.AST

    def put(self, node: ast.AST) -> None:
        """Put another node there."""
        if self.position is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.position] = node


def _places(tree: ast.Module) -> Iterator[_Place]:
    """List all nodes below a tree."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                yield _Place(parent, field, None, value)
            elif isinstance(value, list):
                for position, node in enumerate(value):
                    if isinstance(node, ast.AST):
                        yield _Place(parent, field, position, node)


def _turns_a_loop(place: _Place, replacement: ast.AST) -> bool:
    """Whether a `while` would run where it ends now: right by accident, and endless elsewhere."""
    match place.parent, place.node, replacement:
        case ast.While(), ast.Compare(_, [before], _), ast.Compare(_, [after], _):
            return isinstance(before, ast.Lt | ast.LtE) != isinstance(after, ast.Lt | ast.LtE)
    return False


def _counters(tree: ast.AST) -> set[str]:
    """List the variables that loops give their values."""
    targets = [
        node.target for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)
    ]
    return {
        name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
    }


def _read_names(tree: ast.AST) -> set[str]:
    """List the variables that code reads."""
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _write(node: ast.AST) -> str:
    text = ast.unparse(node).split("\n")[0]
    return text if len(text) <= 80 else text[:79] + "…"


# Edits of whole statements.


def _edits_of_statements(tree: ast.Module, *rules: StatementRule) -> Iterator[str]:
    for rule in rules:
        for block in list(_blocks(tree)):
            before = list(block)
            for after, sentence in rule(before):
                block[:] = after
                yield sentence
                block[:] = before


def _blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree.body[0]):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                yield block


def _returned(block: list[ast.stmt], returns: list[str]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Return what is printed, or computed last, if it isn't returned anywhere."""
    *rest, last = block
    match last:
        case ast.Expr(ast.Call(ast.Name("print"), [*values])) if values:
            value = values[0] if len(values) == 1 else ast.Tuple(values, ast.Load())
            yield (
                [*rest, ast.Return(value)],
                f"Your function prints its result, `{_write(value)}`, and doesn't return it.",
            )
        case ast.Expr(value):
            yield [*rest, ast.Return(value)], f"Your last line, `{_write(value)}`, lacks `return`."
        case ast.Assign([ast.Name(name)]) | ast.AugAssign(ast.Name(name)):
            added = ast.Return(ast.Name(name, ast.Load()))
            if ast.dump(added) not in returns:
                yield (
                    [*block, added],
                    f"`return {name}` is missing after your line `{_write(last)}`.",
                )


def _returned_in_branches(tree: ast.Module) -> Iterator[str]:
    """Return what is printed in more than one place."""
    places = [
        (block, position, statement)
        for block in _blocks(tree)
        for position, statement in enumerate(block)
        if isinstance(statement, ast.Expr) and _write(statement).startswith("print(")
    ]
    if len(places) < 2:
        return
    for block, position, statement in places:
        match statement.value:
            case ast.Call(_, [value]):
                block[position] = ast.Return(value)
    yield "Your function prints its results, and doesn't return them."
    for block, position, statement in places:
        block[position] = statement


def _joined(block: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Make an `elif` of a second `if`."""
    for position, (first, second) in enumerate(itertools.pairwise(block)):
        if isinstance(first, ast.If) and isinstance(second, ast.If) and not first.orelse:
            joined = ast.If(first.test, first.body, [second])
            yield (
                [*block[:position], joined, *block[position + 2 :]],
                f"Your line `if {_write(second.test)}` should be `elif`: it's asked even if the "
                "`if` before it is true.",
            )


def _kept(block: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Keep what a line computes and loses, and raise what is printed."""
    for position, statement in enumerate(block):
        head, tail = block[:position], block[position + 1 :]
        written = _write(statement)
        lost = f"Your line `{written}` doesn't change `{{}}`: it makes a new one, which is lost."
        match statement:
            case ast.Expr(ast.Call(ast.Name("print"))):
                error = ast.Raise(ast.Name("ValueError", ast.Load()))
                yield [*head, error, *tail], f"Your line `{written}` doesn't `raise` an error."
            case ast.Assign([ast.Name() as target], ast.Call(ast.Attribute(value, name)) as call):
                result = ast.Name(target.id, ast.Load())
                function: ast.expr
                if name in _CHANGING_METHODS:
                    function, arguments = ast.Attribute(result, name, ast.Load()), call.args
                elif name in _CHANGING_FUNCTIONS and call.args:
                    function, (value, *rest) = call.func, call.args
                    arguments = [result, *rest]
                else:
                    continue
                alone = ast.Expr(ast.Call(function, arguments, call.keywords))
                yield (
                    [*head, ast.Assign([target], value), alone, *tail],
                    f"`{name}` changes what it's given and returns None, and your line "
                    f"`{written}` keeps that None.",
                )
            case ast.Expr(
                ast.Call(ast.Attribute(ast.Name(name)), _, given)
                | ast.Call(_, [ast.Name(name), *_], given) as value
            ) if all(keyword.arg != "out" for keyword in given):
                for kept in (name, _first_name(statement)):
                    assigned = ast.Assign([ast.Name(kept, ast.Store())], value)
                    yield [*head, assigned, *tail], lost.format(kept)


def _first_name(statement: ast.stmt) -> str:
    """Return the first name in the arguments of a call."""
    names = [
        node.id
        for call in ast.walk(statement)
        if isinstance(call, ast.Call)
        for argument in call.args
        for node in ast.walk(argument)
        if isinstance(node, ast.Name)
    ]
    return names[0] if names else "_"


def _reordered(block: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Move a statement to another place."""
    # Behind a `return` at the end, nothing would run.
    movable = len(block) - isinstance(block[-1], ast.Return)
    for position, statement in enumerate(block[:movable]):
        rest = [*block[:position], *block[position + 1 :]]
        for place in range(movable):
            # One place earlier is the same as the line before it one place later.
            if place not in (position, position - 1):
                when = "late" if place < position else "early"
                moved = [*rest[:place], statement, *rest[place:]]
                yield moved, f"Your line `{_write(statement)}` comes too {when}."


def _around_loops(block: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Move a statement out of a loop, to either side, or into it."""
    for position, loop in enumerate(block):
        if not isinstance(loop, ast.For | ast.While):
            continue
        head, tail = block[:position], block[position + 1 :]
        for inside, nearer in _inner_loops(loop):
            first, last = inside.body[0], inside.body[-1]
            if isinstance(last, ast.Return) and len(inside.body) > 1:
                rest = _with_body(loop, nearer, inside.body[:-1])
                yield (
                    [*head, rest, last, *tail],
                    f"Your line `{_write(last)}` is inside the loop, so the loop ends in its "
                    "first round.",
                )
            if isinstance(first, ast.Assign) and len(inside.body) > 1:
                rest = _with_body(loop, nearer, inside.body[1:])
                yield (
                    [*head, first, rest, *tail],
                    f"Your line `{_write(first)}` is inside the loop, so every round starts from "
                    "there again.",
                )
        for place, before in enumerate(head):
            if isinstance(before, ast.Assign):
                again = _with_body(loop, loop, [before, *loop.body])
                yield (
                    [*head[:place], *head[place + 1 :], again, *tail],
                    f"Your line `{_write(before)}` is before the loop, so it runs once, and every "
                    "round goes on from the one before.",
                )
        if tail and not isinstance(tail[0], ast.Return):
            longer = _with_body(loop, loop, [*loop.body, tail[0]])
            yield (
                [*head, longer, *tail[1:]],
                f"Your line `{_write(tail[0])}` is after the loop, so it runs once, for the last "
                "round alone.",
            )


def _inner_loops(
    loop: ast.For | ast.While,
) -> Iterator[tuple[ast.For | ast.While, ast.For | ast.While]]:
    for node in ast.walk(loop):
        if isinstance(node, ast.For | ast.While):
            yield node, node


def _with_body(
    loop: ast.For | ast.While, inner: ast.For | ast.While, body: list[ast.stmt]
) -> ast.For | ast.While:
    """Copy a loop with another body of the loop `inner`, which is in it or is the loop itself."""
    before, inner.body = inner.body, body
    copied = copy.deepcopy(loop)
    inner.body = before
    return copied


def _assigned(block: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Add where a value is replaced, and replace where it is added."""
    for position, statement in enumerate(block):
        head, tail = block[:position], block[position + 1 :]
        match statement:
            case ast.Assign([ast.Name() | ast.Subscript() as target], ast.UnaryOp(sign, value)):
                adds = isinstance(sign, ast.UAdd)
                sentence = (
                    f"Your line `{_write(statement)}` replaces what was there. To "
                    f"{'add to it, write `+=`' if adds else 'subtract from it, write `-=`'}."
                )
                operator = ast.Add() if adds else ast.Sub()
                yield [*head, ast.AugAssign(target, operator, value), *tail], sentence
            case ast.Assign([ast.Name() | ast.Subscript() as target], value) if not _reads(
                value, target
            ):
                sentence = (
                    f"Your line `{_write(statement)}` replaces what was there. Add to it instead."
                )
                yield [*head, ast.AugAssign(target, ast.Add(), value), *tail], sentence
            # A step of a counter is no slip, and without it, the counter has no purpose.
            case ast.AugAssign(target, operator, value) if not (
                isinstance(operator, ast.Add) and isinstance(value, ast.Constant)
            ):
                for other in _ARITHMETIC:
                    sentence = (
                        f"The mistake is in your line `{_write(statement)}`: with another operator "
                        "there, everything is right."
                    )
                    yield [*head, ast.AugAssign(target, other(), value), *tail], sentence
                sentence = f"Your line `{_write(statement)}` should replace what was there."
                yield [*head, ast.Assign([target], value), *tail], sentence


def _overwritten(block: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Give what is made of a variable another name, and return it by that name."""
    lines = {
        statement: statement.targets[0].id
        for statement in block
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        if statement.targets[0].id in _read_names(statement.value)
    }
    if not lines:
        return
    changed = []
    for statement in block:
        copied = copy.deepcopy(statement)
        for node in ast.walk(copied):
            if not isinstance(node, ast.Name) or node.id not in lines.values():
                continue
            if isinstance(node.ctx, ast.Store) or isinstance(statement, ast.Return):
                node.id = f"new_{node.id}"
        changed.append(copied)
    line, name = next(iter(lines.items()))
    yield (
        changed,
        f"Your line `{_write(line)}` overwrites `{name}`, and a later line needs it as it was.",
    )


def _reads(value: ast.AST, target: ast.AST) -> bool:
    """Whether code reads what another piece of it, such as `table[0]`, stores."""
    return any(
        isinstance(node, type(target)) and ast.unparse(node) == ast.unparse(target)
        for node in ast.walk(value)
    )


def _unconditional(block: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Leave out what depends on a condition, and the condition with it."""
    for position, statement in enumerate(block):
        head, tail = block[:position], block[position + 1 :]
        match statement:
            case ast.If(test, _, orelse) | ast.While(test, _, orelse):
                word = "if" if isinstance(statement, ast.If) else "while"
                yield (
                    [*head, *orelse, *tail] or [ast.Pass()],
                    f"Without your line `{word} {_write(test)}:` and what is below it, everything "
                    "is right.",
                )
            case ast.Assign([ast.Subscript(_, ast.Compare())]) | ast.AugAssign(
                ast.Subscript(_, ast.Compare())
            ):
                yield (
                    [*head, *tail] or [ast.Pass()],
                    f"Without your line `{_write(statement)}`, everything is right.",
                )


def _left_out(block: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], str]]:
    """Leave out a statement, or the condition of one."""
    for position, statement in enumerate(block):
        head, tail = block[:position], block[position + 1 :]
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr):
            written = _write(statement)
            yield [*head, *tail], f"Without your line `{written}`, everything is right."
        if isinstance(statement, ast.If):
            yield (
                [*head, *statement.body, *tail],
                f"Without your condition `{_write(statement.test)}`, everything is right.",
            )
            swapped = ast.If(ast.UnaryOp(ast.Not(), statement.test), statement.body, [])
            swapped.orelse = statement.orelse
            yield (
                [*head, swapped, *tail],
                f"Your condition `{_write(statement.test)}` is the wrong way around.",
            )


# Edits of expressions: each rule takes a node, and lists what could stand in its place.


def _names(tree: ast.Module, function: FunctionType) -> tuple[list[str], list[str], list[str]]:
    """List the arguments of a function, its other variables, and the notebook's that it reads."""
    code = function.__code__
    arguments = list(code.co_varnames[: code.co_argcount])
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own = dict.fromkeys(name.id for name in names if isinstance(name.ctx, ast.Store))
    given = [
        name
        for name in dict.fromkeys(name.id for name in names)
        if name not in (*arguments, *own)
        and name in function.__globals__
        and not callable(function.__globals__[name])
        and not isinstance(function.__globals__[name], ModuleType)
    ]
    return arguments, [name for name in own if name not in arguments], given


def _arguments_for(node: ast.AST, arguments: list[str], given: list[str]) -> Iterator[Edit]:
    if isinstance(node, ast.Name) and node.id in given:
        for other in arguments:
            yield (
                ast.Name(other, node.ctx),
                f"the argument `{other}` in place of `{node.id}`, which is the notebook's",
            )


def _other_names(node: ast.AST, names: list[str]) -> Iterator[Edit]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        for other in names:
            if other != node.id:
                yield ast.Name(other, node.ctx), f"another variable in place of `{node.id}`"


def _copied(node: ast.AST) -> Iterator[Edit]:
    """Copy what is only seen as an array."""
    match node:
        case ast.Call(ast.Attribute(value, "asarray", context), arguments, keywords):
            array = ast.Attribute(value, "array", context)
            yield (
                ast.Call(array, arguments, keywords),
                f"`{_write(array)}`, which makes a copy, in place of `{_write(node.func)}`",
            )


def _other_arguments(node: ast.AST) -> Iterator[Edit]:
    if not isinstance(node, ast.Call):
        return
    written = _write(node)
    for position, keyword in enumerate(node.keywords):
        rest = [*node.keywords[:position], *node.keywords[position + 1 :]]
        given = f"{keyword.arg}={ast.unparse(keyword.value)}"
        match keyword.value:
            case ast.Constant(bool(value)):
                others: tuple[Any, ...] = (not value,)
            case _ if keyword.arg == "axis":
                others = (0, 1, -1, 2, (0, 1), (1, 2))
            case ast.Constant(int() | None):
                others = (0, 1)
            case _:
                others = ()
        yield ast.Call(node.func, node.args, rest), f"`{written}` without `{given}`"
        for other in others:
            changed = ast.keyword(keyword.arg, ast.parse(repr(other), mode="eval").body)
            yield (
                ast.Call(node.func, node.args, [*rest, changed]),
                f"another `{keyword.arg}` than in `{given}`",
            )
    given_names = {keyword.arg for keyword in node.keywords}
    for functions, name, values in _ADDED:
        if getattr(node.func, "attr", "") in functions and name not in given_names:
            for value in values:
                added = ast.keyword(name, ast.parse(repr(value), mode="eval").body)
                yield (
                    ast.Call(node.func, node.args, [*node.keywords, added]),
                    f"`{name}` given in `{written}`",
                )
    for a, b in itertools.combinations(range(len(node.args)), 2):
        swapped = list(node.args)
        swapped[a], swapped[b] = swapped[b], swapped[a]
        yield (
            ast.Call(node.func, swapped, node.keywords),
            f"the arguments of `{written}` in another order",
        )


def _other_comparisons(node: ast.AST) -> Iterator[Edit]:
    match node:
        case ast.Compare(left, [operator], [right]):
            for other in _ORDERS if isinstance(operator, _ORDERS) else _EQUALITIES:
                if not isinstance(operator, other):
                    yield (
                        ast.Compare(left, [other()], [right]),
                        f"another comparison in `{_write(node)}`",
                    )
            match right:
                case ast.BinOp(ast.Constant() as factor, by, value):
                    exchanged = ast.BinOp(factor, by, left)
                case ast.BinOp(value, by, ast.Constant() as factor):
                    exchanged = ast.BinOp(left, by, factor)
                case _:
                    return
            yield (
                ast.Compare(value, [operator], [exchanged]),
                f"`{_write(left)}` and `{_write(value)}` exchanged in `{_write(node)}`",
            )
        case ast.BoolOp(operator, values):
            other_operator = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield (
                ast.BoolOp(other_operator, values),
                f"the other of `and` and `or` in `{_write(node)}`",
            )
            for value in values:
                rest = [part for part in values if part is not value]
                kept = rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
                yield kept, f"`{_write(node)}` without `{_write(value)}`"
        case ast.UnaryOp(ast.Not() | ast.Invert(), operand):
            yield operand, f"`{_write(operand)}` not negated"


def _other_indices(node: ast.AST) -> Iterator[Edit]:
    match node:
        case ast.Subscript(value, ast.Tuple([first, second]), context):
            yield (
                ast.Subscript(value, ast.Tuple([second, first], ast.Load()), context),
                f"the two indices of `{_write(node)}` exchanged",
            )
        case ast.Subscript(ast.Subscript(value, first), second, context):
            inner = ast.Subscript(value, second, ast.Load())
            yield (
                ast.Subscript(inner, first, context),
                f"the two indices of `{_write(node)}` exchanged",
            )
        case ast.Slice(lower, upper, step):
            written = f"[{ast.unparse(node)}]"
            yield ast.Slice(upper, lower, step), f"the other part than `{written}`"
            for bounds in ((None, upper, step), (lower, None, step), (lower, upper, None)):
                yield ast.Slice(*bounds), f"another slice than `{written}`"
        case ast.Tuple(elements, context) if 2 <= len(elements) <= 3:
            for order in itertools.permutations(elements):
                if list(order) != elements:
                    yield (
                        ast.Tuple(list(order), context),
                        f"`{_write(node)}` in another order",
                    )


def _other_numbers(node: ast.AST) -> Iterator[Edit]:
    match node:
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            for other in (value - 1, value + 1, 0, 1):
                if other != value:
                    yield ast.Constant(other), f"another number than `{value}`"
        case ast.Call(ast.Name("range"), [first, end, step]):
            later = ast.BinOp(end, ast.Add(), step)
            yield (
                ast.Call(node.func, [first, later, step], []),
                f"`{_write(node)}` ending one step later",
            )
        case ast.Call(ast.Name("range"), [ast.Constant(int(first)), second]):
            for by in (-1, 1):
                shifted = ast.BinOp(second, ast.Add(), ast.Constant(by))
                yield (
                    ast.Call(node.func, [ast.Constant(first + by), shifted], []),
                    f"`{_write(node)}` beginning and ending {'earlier' if by < 0 else 'later'}",
                )


def _opposite_numbers(node: ast.AST) -> Iterator[Edit]:
    match node:
        case ast.Constant(int() | float() as value) if value and not isinstance(value, bool):
            yield ast.Constant(-value), f"`{-value}` in place of `{value}`"


def _fixed_numbers(node: ast.AST, names: list[str]) -> Iterator[Edit]:
    """Put a length where the number of an example stands."""
    match node:
        case ast.Constant(int(value)) if value > 1:
            for name in names:
                for text in (f"len({name})", f"{name}.shape[1]"):
                    yield ast.parse(text, mode="eval").body, f"`{text}` in place of `{value}`"


def _other_functions(node: ast.AST) -> Iterator[Edit]:
    match node:
        case ast.Name(name):
            others: list[tuple[ast.AST, str]] = [
                (ast.Name(other, node.ctx), name) for other in _family(name)
            ]
        case ast.Attribute(value, name, context):
            others = [(ast.Attribute(value, other, context), name) for other in _family(name)]
        case ast.Constant(str(name)):
            others = [(ast.Constant(other), name) for other in _family(name)]
        case _:
            return
    for other, name in others:
        yield other, f"something else in place of `{name}`"


def _family(name: str) -> list[str]:
    return [other for names in _FAMILIES if name in names for other in names if other != name]


def _other_operators(node: ast.AST) -> Iterator[Edit]:
    if not isinstance(node, ast.BinOp):
        return
    left, right, written = node.left, node.right, _write(node)
    for other in _OPERATORS.get(type(node.op), ()):
        if not isinstance(node.op, other):
            yield ast.BinOp(left, other(), right), f"another operator in `{written}`"
    yield ast.BinOp(right, node.op, left), f"`{written}` the other way around"
    if isinstance(left, ast.BinOp):
        a, inner, b = left.left, left.op, left.right
        yield ast.BinOp(a, inner, ast.BinOp(b, node.op, right)), f"other parentheses in `{written}`"
        yield (
            ast.BinOp(ast.BinOp(a, node.op, right), inner, b),
            f"the steps of `{written}` in another order",
        )
    if isinstance(right, ast.BinOp):
        b, inner, c = right.left, right.op, right.right
        yield (
            ast.BinOp(ast.BinOp(left, node.op, b), inner, c),
            f"other parentheses in `{written}`",
        )
    if isinstance(node.op, ast.MatMult):
        turned = f"the right one of them turned around (`.T`) in `{written}`"
        yield ast.BinOp(_turned(left), node.op, right), turned
        yield ast.BinOp(left, node.op, _turned(right)), turned
        yield ast.BinOp(_turned(right), node.op, left), turned
        yield ast.BinOp(right, node.op, _turned(left)), turned


def _other_brackets(node: ast.AST) -> Iterator[Edit]:
    """Put a whole calculation into the brackets of a function that has a part of it."""
    if not isinstance(node, ast.BinOp):
        return
    for call in (node.left, node.right):
        if not isinstance(call, ast.Call):
            continue

        def calculate(part: ast.expr, call: ast.expr = call) -> ast.BinOp:
            left, right = (part if side is call else side for side in (node.left, node.right))
            return ast.BinOp(left, node.op, right)

        if call.args:
            whole = calculate(call.args[0])
            yield (
                ast.Call(call.func, [whole, *call.args[1:]], call.keywords),
                f"all of `{_write(whole)}` inside of `{_write(call.func)}(…)`",
            )
        if isinstance(call.func, ast.Attribute):
            whole = calculate(call.func.value)
            method = ast.Attribute(whole, call.func.attr, ast.Load())
            yield (
                ast.Call(method, call.args, call.keywords),
                f"`.{call.func.attr}(…)` after all of `{_write(whole)}`",
            )


def _turned(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", ast.Load())


def _other_loops(node: ast.AST) -> Iterator[Edit]:
    """Go through values instead of positions, the other way around, or through both at once."""
    match node:
        case ast.For(target, ast.Name(values)):
            positions = ast.parse(f"range(len({values}))", mode="eval").body
            yield (
                ast.For(target, positions, node.body, node.orelse),
                f"the positions of `{values}` instead of its values",
            )
        case ast.For(target, ast.Call(ast.Name("range"), [ast.Call(ast.Name("len"), [values])])):
            yield (
                ast.For(target, values, node.body, node.orelse),
                f"the values of `{_write(values)}` instead of their positions",
            )
    match node:
        case ast.For(first, values, [ast.For(second, others, body)]):
            pair, pairs, better = _zip((first, second), (values, others))
            yield ast.For(pair, pairs, body, []), better
        case ast.ListComp() | ast.GeneratorExp():
            if len(node.generators) == 2:
                first_loop, second_loop = node.generators
                pair, pairs, better = _zip(
                    (first_loop.target, second_loop.target), (first_loop.iter, second_loop.iter)
                )
                conditions = [*first_loop.ifs, *second_loop.ifs]
                yield (
                    type(node)(node.elt, [ast.comprehension(pair, pairs, conditions, 0)]),
                    better,
                )


def _zip(
    targets: tuple[ast.expr, ast.expr], values: tuple[ast.expr, ast.expr]
) -> tuple[ast.Tuple, ast.Call, str]:
    """Return the target and the values of a loop through two sequences at once."""
    pair = ast.Tuple(list(targets), ast.Store())
    pairs = ast.Call(ast.Name("zip", ast.Load()), list(values), [])
    both = " and ".join(f"`{_write(value)}`" for value in values)
    return pair, pairs, f"one loop through {both} together instead of one in the other"


def _updated(node: ast.AST) -> Iterator[Edit]:
    """Keep the largest or smallest value so far."""
    match node:
        case ast.If(ast.Compare(left, [ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()], [right])):
            for best, value in ((right, left), (left, right)):
                if isinstance(best, ast.Name):
                    update = ast.Assign([ast.Name(best.id, ast.Store())], value)
                    yield (
                        ast.If(node.test, [*node.body, update], node.orelse),
                        f"`{best.id}` updated below it",
                    )


def _less(node: ast.AST) -> Iterator[Edit]:
    """Leave out a part of an expression."""
    match node:
        case ast.BinOp(left, _, right) if not isinstance(left, ast.Constant):
            yield left, f"`{_write(left)}` alone instead of `{_write(node)}`"
            yield right, f"`{_write(right)}` alone instead of `{_write(node)}`"
        case ast.Compare(left):
            yield left, f"`{_write(left)}` alone instead of `{_write(node)}`"
        case ast.UnaryOp(ast.USub(), operand):
            yield operand, f"`{_write(operand)}` without the minus sign"
        case ast.Call(ast.Attribute(value, name), arguments):
            yield value, f"`{_write(value)}` without `.{name}(…)`"
            if arguments:
                yield arguments[0], f"`{_write(arguments[0])}` instead of `{_write(node)}`"
        case ast.Call(ast.Name(name), [first, *_]):
            yield first, f"`{_write(first)}` without `{name}(…)`"
        case ast.Attribute(value, "T"):
            yield value, f"`{_write(value)}` without `.T`"
        case ast.Subscript(value, index, ast.Load()):
            yield value, f"`{_write(value)}` without `[{ast.unparse(index)}]`"
            yield index, f"`{_write(index)}` alone instead of `{_write(node)}`"


def _other_results(node: ast.AST) -> Iterator[Edit]:
    """Change what is returned, or a part of it."""
    if not (isinstance(node, ast.Return) and node.value):
        return
    parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    for position, part in enumerate(parts):
        written = _write(part)
        for text, better in _AROUND.items():
            around = ast.parse(text.format(f"({ast.unparse(part)})"), mode="eval").body
            changed = [*parts[:position], around, *parts[position + 1 :]]
            is_tuple = isinstance(node.value, ast.Tuple)
            yield (
                ast.Return(ast.Tuple(changed, ast.Load()) if is_tuple else around),
                better.format(f"`{written}`"),
            )


_AROUND = {
    "1 - {}": "1 minus {} in its place",
    "-{}": "the sign of {} reversed",
    "{}.T": "{} turned around (`.T`)",
    "{}[::-1]": "{} in the reverse order",
    "{} / 100": "{} divided by 100",
    "{} * 100": "{} multiplied by 100",
    "{} + 1": "1 added to {}",
    "{} - 1": "1 subtracted from {}",
    "{}[0]": "the first part of {} alone",
    "{}.tolist()": "plain numbers instead of {}",
    "np.asarray({})": "{} made into an array",
    "np.squeeze({})": "{} without its axes of length 1",
    "np.sqrt({})": "the square root of {}",
}
