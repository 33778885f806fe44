"""Addresses and labels: pure."""

from urllib.parse import unquote, urlsplit
from uuid import UUID
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from app.objects.gs1 import is_serial
from app.objects.labels import label_svg
from app.objects.links import claim_link, did, digital_link

ID = UUID("7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11")
SVG = "{http://www.w3.org/2000/svg}"
CHARSET = "!\"%&'()*+,-./0123456789:;<=>?ABCXYZ_abcxyz"


def test_did_names_the_host_and_encodes_its_port() -> None:
    assert did("https://things.example", ID) == f"did:web:things.example:o:{ID}"
    assert did("http://localhost:8000", ID) == f"did:web:localhost%3A8000:o:{ID}"


def test_digital_link_names_gtin_and_serial() -> None:
    link = digital_link("https://things.example", "09506000134376", "SL-1", ID)
    assert link == "https://things.example/01/09506000134376/21/SL-1"
    assert digital_link("https://things.example", None, "SL-1", ID).endswith(f"/o/{ID}")


@given(st.text(CHARSET, min_size=1, max_size=20).filter(is_serial))
def test_any_serial_survives_its_link(serial: str) -> None:
    link = digital_link("https://things.example", "09506000134376", serial, ID)
    parts = urlsplit(claim_link(link, "CODE"))
    assert [unquote(step) for step in parts.path.split("/")[1:]] == [
        "01",
        "09506000134376",
        "21",
        serial,
    ]
    assert (parts.query, parts.fragment) == ("", "claim=CODE")


def test_label_is_an_image_with_a_name_and_the_code_in_letters() -> None:
    code = "7ZK3M-0QWET-9F4RB-XN26D-A8HVC-1P"
    root = ElementTree.fromstring(label_svg("https://things.example/x#claim=C", code, "Jeans"))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Claim label of Jeans"
    words = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert words == f"Jeans {code.replace('-', ' ')}"
    assert root.find(f".//{SVG}path") is not None
    assert root.find(f".//{SVG}script") is None


def test_label_shows_markup_as_text() -> None:
    name = '</title><script>alert(1)</script>" onload="x\x07'
    root = ElementTree.fromstring(label_svg("https://t.example/x#claim=C", "AAAAA-BB", name))
    assert root.findtext(f"{SVG}title") == f"Claim label of {name[:-1]}"
    assert root.find(f".//{SVG}script") is None
    assert root.get("onload") is None
