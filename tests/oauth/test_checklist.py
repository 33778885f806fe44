"""The security checklist has 42 numbers; each names at least one test."""

import ast
import re

from tests.support.source import ROOT

NUMBERS = range(1, 43)
NAME = re.compile(r"test_oauth_(\d\d)_[a-z]\w+")


def test_every_number_of_the_checklist_has_a_test() -> None:
    trees = [ast.parse(file.read_text()) for file in (ROOT / "tests").rglob("test_*.py")]
    names = [
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found = {int(match[1]) for match in map(NAME.fullmatch, names) if match}
    assert [number for number in NUMBERS if number not in found] == []
    assert found <= set(NUMBERS)
    assert [name for name in names if re.match(r"test_oauth_\d", name)] == [
        name for name in names if NAME.fullmatch(name)
    ], "a number has two digits"
