"""The strict reader: what one database would refuse or bend, both never see."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import jsonio
from app.kit.errors import InvalidJson


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"1e400",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b"9007199254740992",
        b"-9007199254740992",
        b"1" * 5000,
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'["ok", ["\\ud800"]]',
        b'"\\udc00\\ud800"',
        b'"\xff"',
        b'"a\x00b"',
        b'[{"a":1},{"b":',
        b"",
        b"[1,]",
    ],
)
def test_hazards_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidJson):
        jsonio.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 32 + b"]" * 32,
        b"9007199254740991",
        b'"\\\\u0000"',
        b'"\\ud83d\\ude00"',
        b'{"text":"' + b"[{" * 40 + b'"}',
        b'"e\\u0301 \xe2\x80\xae"',
    ],
)
def test_what_is_harmless_is_read_as_it_stands(body: bytes) -> None:
    assert jsonio.loads(body) == json.loads(body)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-jsonio.MAX_INTEGER, jsonio.MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(values)
def test_what_was_written_is_read_again(value: object) -> None:
    try:
        text = jsonio.dumps(value)
    except UnicodeEncodeError:
        return
    if "\\u0000" in json.dumps(value):
        return
    assert jsonio.loads(text) == value
