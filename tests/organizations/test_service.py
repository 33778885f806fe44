"""Organizations: what the operator may enter."""

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
    UnknownOrganization,
)
from app.organizations.service import (
    check_ticket_key,
    create_organization,
    find_organization,
    slug_of,
)


def test_organization_is_found_by_slug_name_and_id(db: Session, clock: FixedClock) -> None:
    made = create_organization(db, clock, "Großmann & Söhne", gs1_prefixes=["4012345"])
    assert made.slug == "gromann-sohne"
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
    ],
)
def test_other_keys_are_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(KeyInvalid):
        check_ticket_key(jwk)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_short_rsa_key_is_refused() -> None:
    with pytest.raises(KeyInvalid):
        check_ticket_key(RSAKey.generate_key(1024).as_dict(private=False))


def test_slug_is_never_empty() -> None:
    assert slug_of("日本") == "organization"
