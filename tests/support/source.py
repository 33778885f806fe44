"""The project's own source, as tests of its rules read it."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import app

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"


@cache
def trees() -> dict[str, ast.Module]:
    """Every file of the app, parsed, by its path below the project's root."""
    files = sorted(APP.rglob("*.py"))
    return {file.relative_to(ROOT).as_posix(): ast.parse(file.read_text()) for file in files}


def calls(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """Each call of an attribute: what stands before the dot, the name after it, the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr, node.lineno


@cache
def import_everything() -> None:
    """Import all of the app, so that every class of it is known."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
