"""Organizations: what the operator may enter."""

import re
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.organizations.errors import (
    KeyInvalid,
    OrganizationExists,
    OrganizationInvalid,
    PrefixInvalid,
    PrefixTaken,
    UnknownOrganization,
)
from app.organizations.service import (
    check_ticket_key,
    create_organization,
    find_organization,
    set_prefixes,
    slug_of,
)


def test_organization_is_found_by_slug_name_and_id(db: Session, clock: FixedClock) -> None:
    made = create_organization(db, clock, "Großmann & Söhne", gs1_prefixes=["4012345"])
    assert made.slug == "grossmann-sohne"
    assert find_organization(db, made.slug) is made
    assert find_organization(db, made.name) is made
    assert find_organization(db, str(made.org_id)) is made
    with pytest.raises(UnknownOrganization):
        find_organization(db, "nobody")


def test_second_organization_of_a_name_is_refused(db: Session, clock: FixedClock) -> None:
    create_organization(db, clock, "Big Denim")
    with pytest.raises(OrganizationExists):
        create_organization(db, clock, "big  denim")


@pytest.mark.parametrize("prefix", ["123", "1234567890123", "12a4", "", "１２３４"])
def test_prefix_has_4_to_12_digits(db: Session, clock: FixedClock, prefix: str) -> None:
    with pytest.raises(PrefixInvalid):
        create_organization(db, clock, "Big Denim", gs1_prefixes=[prefix])


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "x" * 201},
        {"name": " "},
        {"name": "a\nb"},
        {"country": "Portugal"},
        {"website": "javascript:alert(1)"},
        {"website": "https://x.example/" + "x" * 500},
        {"contact": "x" * 321},
        {"verified_domain": "<b>"},
    ],
)
def test_a_part_that_is_not_valid_is_refused(
    db: Session, clock: FixedClock, wrong: dict[str, Any]
) -> None:
    with pytest.raises(OrganizationInvalid):
        create_organization(db, clock, **({"name": "Big Denim"} | wrong))


@pytest.mark.parametrize(
    "key",
    [
        ECKey.generate_key("P-256"),
        OKPKey.generate_key("Ed25519"),
        RSAKey.generate_key(2048),
    ],
)
def test_public_key_for_tickets_is_taken(key: Any) -> None:
    public = key.as_dict(private=False)
    assert check_ticket_key(public) == public


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        ECKey.generate_key("P-256").as_dict(private=True),
        ECKey.generate_key("P-384").as_dict(private=False),
        OKPKey.generate_key("X25519").as_dict(private=False),
        OctKey.generate_key(256).as_dict(private=True),
        [],
        "x",
        7,
        None,
        {"kty": ["EC"], "crv": {}},
    ],
)
def test_other_keys_are_refused(jwk: Any) -> None:
    with pytest.raises(KeyInvalid):
        check_ticket_key(jwk)


@pytest.mark.parametrize("jwk", [{}, [], "", 0, False])
def test_a_key_that_is_empty_is_no_missing_key(db: Session, clock: FixedClock, jwk: Any) -> None:
    with pytest.raises(KeyInvalid):
        create_organization(db, clock, "Big Denim", ticket_key=jwk)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_short_rsa_key_is_refused() -> None:
    with pytest.raises(KeyInvalid):
        check_ticket_key(RSAKey.generate_key(1024).as_dict(private=False))


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Mend & Co", "mend-co"), ("4711", "4711"), ("Müller", "muller"), ("3M", "3m")],
)
def test_slug_reads_as_the_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_slug_of_another_script_tells_names_apart() -> None:
    """Never an empty word, and never what is left of a name by chance."""
    names = ("日本", "日本2", "中国", "中国2", "Ø", "!!!", "???", "🧵")
    slugs = {slug_of(name) for name in names}
    assert len(slugs) == len(names)
    assert all(re.fullmatch(r"[a-z2-7]{8}", slug) for slug in slugs)
    assert re.fullmatch(r"tokyo-denim-[a-z2-7]{8}", slug_of("Tokyo Denim 日本"))
    assert slug_of("日本") == slug_of("日本")
    assert len(slug_of("M" * 200 + "日")) <= 80


def test_organizations_of_another_script_are_found_by_name(db: Session, clock: FixedClock) -> None:
    first, second = (create_organization(db, clock, name) for name in ("日本", "中国"))
    assert find_organization(db, "日本") is first
    assert find_organization(db, second.slug) is second
    with pytest.raises(OrganizationExists):
        create_organization(db, clock, "日本")


@pytest.mark.parametrize("prefix", ["950600", "9506", "95060001"])
def test_a_prefix_of_another_organization_is_refused_and_names_it(
    db: Session, clock: FixedClock, prefix: str
) -> None:
    create_organization(db, clock, "Big Denim", gs1_prefixes=["4012345", "950600"])
    with pytest.raises(PrefixTaken, match="Big Denim"):
        create_organization(db, clock, "Other", gs1_prefixes=["7612345", prefix])
    other = create_organization(db, clock, "Other", gs1_prefixes=["7612345"])
    with pytest.raises(PrefixTaken, match="Big Denim"):
        set_prefixes(db, other, [prefix])
    assert other.gs1_prefixes == ["7612345"]


def test_the_operator_reassigns_a_prefix(db: Session, clock: FixedClock) -> None:
    first = create_organization(db, clock, "Big Denim", gs1_prefixes=["950600"])
    second = create_organization(db, clock, "Other")
    set_prefixes(db, first, ["950600", "95060077", "950600"])
    assert first.gs1_prefixes == ["950600", "95060077"]
    set_prefixes(db, first, [])
    set_prefixes(db, second, ["9506"])
    db.flush()
    db.expire_all()
    assert (first.gs1_prefixes, second.gs1_prefixes) == ([], ["9506"])
    with pytest.raises(PrefixInvalid):
        set_prefixes(db, second, ["95"])
