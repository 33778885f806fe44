"""The security checklist has 42 numbers; each names at least one test."""

import re

from tests.support.source import ROOT

NUMBERS = range(1, 43)
DEFINED = re.compile(r"^def (test_\w+)", re.MULTILINE)
NAME = re.compile(r"test_oauth_(\d\d)_[a-z]\w+")


def test_every_number_of_the_checklist_has_a_test() -> None:
    files = (ROOT / "tests").rglob("test_*.py")
    names = [name for file in files for name in DEFINED.findall(file.read_text())]
    found = {int(match[1]) for match in map(NAME.fullmatch, names) if match}
    assert [number for number in NUMBERS if number not in found] == []
    assert found <= set(NUMBERS)
    assert [name for name in names if re.match(r"test_oauth_\d", name)] == [
        name for name in names if NAME.fullmatch(name)
    ], "a number has two digits"
