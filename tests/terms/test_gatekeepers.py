"""Who is on the list of gatekeepers, and who is only called alike."""

import pytest

from app.terms.gatekeepers import find_gatekeeper, load_gatekeepers, plain_name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Google LLC", "Alphabet"),
        ("GOOGLE IRELAND LIMITED", "Alphabet"),
        ("Meta Platforms, Inc.", "Meta"),
        ("Amazon.com, Inc.", "Amazon"),
        ("Booking.com B.V.", "Booking"),
        ("Microsoft Corporation", "Microsoft"),
        ("Apple Orchard Repair", None),
        ("Amazon River Tours Ltd", None),
        ("Metall & Co", None),
        ("", None),
    ],
)
def test_r_45_names_count_as_a_whole(name: str, found: str | None) -> None:
    one = find_gatekeeper([name], [])
    assert (one and one.name) == found


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("google.com", "Alphabet"),
        ("DATA.Google.com.", "Alphabet"),
        ("notgoogle.com", None),
        ("google.com.example", None),
        ("", None),
        (None, None),
    ],
)
def test_r_45_a_domain_holds_for_all_below_it(host: str | None, found: str | None) -> None:
    one = find_gatekeeper(["Mend & Co"], [host])
    assert (one and one.name) == found


def test_r_45_the_list_is_whole() -> None:
    named = {"Alphabet", "Amazon", "Apple", "Booking", "ByteDance", "Meta", "Microsoft"}
    assert {one.name for one in load_gatekeepers()} == named
    for one in load_gatekeepers():
        assert one.names
        assert one.domains
        assert all(domain == domain.lower().strip(".") for domain in one.domains)
        assert all(name == plain_name(name) for name in one.names)
