"""Find out what the code of a cell defines and needs, without running it."""

import ast
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 100_000  # characters of a cell that are looked into; see `statements`

# Magics of IPython whose cell is Python all the same.
_PYTHON_MAGICS = {"capture", "prun", "time", "timeit"}
_CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*")
_MAGIC = re.compile(r"(?m)^([^\S\n]*)(?:[%!?].*|[\w.]+\?{1,2}[^\S\n]*$)")
_CAPTURED = re.compile(r"(?m)^([^\S\n]*+[\w, ]++=[^\S\n]*)[%!].*")
_LINE_END = re.compile(r"\r\n|\r|\n")  # as Python counts lines, unlike str.splitlines
_DEFINITION = re.compile(r"(?m)^(?:(?:async +)?(?:def|class) +(\w+)|(\w+) *=(?!=))")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
# What stands for damage that no learner can make by accident: code nested too deep to be read.
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a cell, with others on the same lines.

    Attributes
    ----------
    code : str
        Its lines, as they were written.
    binds : frozenset of str
        The names that it defines, imports or assigns to.
    changes : frozenset of str
        The names whose values it may change: by an item or attribute that it assigns to, or by a
        method that it calls for nothing but its effect, as in ``table.append(3)``.
    needs : frozenset of str
        The global names that it reads, in the bodies of functions, too.
    is_definition : bool
        Whether it only defines functions and classes, or imports.
    imports_all : bool
        Whether it imports whatever a module has, so that nobody knows what it binds.
    """

    code: str
    binds: frozenset[str]
    changes: frozenset[str]
    needs: frozenset[str]
    is_definition: bool
    imports_all: bool


def statements(source: str) -> list[Statement] | None:
    """Take the code of a cell apart.

    Parameters
    ----------
    source : str
        Code of an untrusted user, with magics of IPython, such as ``%pip install``.

    Returns
    -------
    list of Statement or None
        None if it isn't Python, or longer than `LONGEST`. Python reads this many characters in
        at most a second, and refuses what is nested deeper than it can bear.
    """
    if len(source) > LONGEST:
        return None
    try:
        text, tree = _parse(source)
        return list(_statements(source, text, tree))
    except _UNREADABLE:
        return None


def defined_by_sight(source: str) -> set[str]:
    """Name what lines of broken code look as if they define, at its top level."""
    found = _DEFINITION.findall(source[:LONGEST])
    return {name for pair in found for name in pair if name}


def _parse(source: str) -> tuple[str, ast.Module]:
    """Return code without magics, line by line the same, and its tree."""
    if magic := _CELL_MAGIC.match(source):
        if magic[1] not in _PYTHON_MAGICS:
            raise SyntaxError(f"the cell is not Python, but %%{magic[1]}")
        source = source.replace("%%", "##", 1)
    try:
        return source, ast.parse(source)
    except SyntaxError:
        # Only then: a line of Python may begin with a percent sign.
        text = _MAGIC.sub(r"\1pass", _CAPTURED.sub(r"\1None", source))
        return text, ast.parse(text)


def _statements(source: str, text: str, tree: ast.Module) -> Iterator[Statement]:
    written, read = _LINE_END.split(source), _LINE_END.split(text)
    groups: list[tuple[int, int, list[ast.stmt]]] = []
    for node in tree.body:
        decorators = getattr(node, "decorator_list", [])
        start = min(part.lineno for part in (node, *decorators))
        end = node.end_lineno or start
        if groups and start <= groups[-1][1]:
            first, _, nodes = groups.pop()
            groups.append((first, end, [*nodes, node]))
        else:
            groups.append((start, end, [node]))
    for start, end, nodes in groups:
        table = symtable.symtable("\n".join(read[start - 1 : end]), "cell", "exec")
        yield Statement(
            code="\n".join(written[start - 1 : end]),
            binds=frozenset(
                symbol.get_name()
                for symbol in table.get_symbols()
                if symbol.is_assigned() or symbol.is_imported()
            )
            - {name for node in nodes for name in _deleted(node)},
            changes=frozenset(name for node in nodes for name in _changed(node)),
            needs=frozenset(_needed(table)),
            is_definition=all(isinstance(node, _DEFINITIONS) for node in nodes),
            imports_all=any(
                isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes
            ),
        )


def _needed(table: symtable.SymbolTable) -> Iterator[str]:
    tables = [table]
    for inner in tables:
        tables += inner.get_children()
        for symbol in inner.get_symbols():
            used = symbol.is_referenced() or symbol.is_declared_global()
            if used and (inner is table or symbol.is_global()):
                yield symbol.get_name()


def _deleted(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Delete):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _changed(node: ast.AST) -> Iterator[str]:
    """Yield the names whose values a statement changes when it runs."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        return
    changed: ast.AST | None = None
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        changed = node.value.func if isinstance(node.value.func, ast.Attribute) else None
    elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        changed = node
    while isinstance(changed, ast.Attribute | ast.Subscript | ast.Call):
        changed = changed.func if isinstance(changed, ast.Call) else changed.value
    if isinstance(changed, ast.Name):
        yield changed.id
    for child in ast.iter_child_nodes(node):
        yield from _changed(child)
