"""The roster: its words, its clauses in the public vocabulary, and hashes that never change."""

import csv
import hashlib
import json

import pytest
from starlette.testclient import TestClient

from app.kit.errors import DomainError
from app.terms import clauses
from app.terms.errors import AgreementUnknown
from app.terms.roster import (
    CONTRIBUTION,
    DEFAULT_AGREEMENT,
    SERVICE,
    Agreement,
    find,
    find_by_hash,
    load_roster,
    newest,
)
from tests.support.source import ROOT

VECTORS = ROOT.parent / "shared" / "vectors" / "dpv"
ROSTER = load_roster()
every_agreement = pytest.mark.parametrize("agreement", ROSTER, ids=lambda one: str(one.id))

# By id and version. Whoever changes a text makes a new version, and this line stays.
PUBLISHED = {
    ("SD-BASE", 1): "d4343275de8bc2af0c6c6b4f1f424ddd8f6db0d1063d7ac880605eb28714dc9a",
    ("SD-BASE-DP", 1): "eada6f2fa2f4417941d20c68c915760e0dc5e24e7cc7bd825557538b2a21df1b",
    ("SD-BASE-A", 1): "cfcf2bd53721908a4d55ee40b40e85705dbb9b1be5b05f38df4454754739f2c4",
    ("SD-BASE-A-DP", 1): "61b1eaf26b9260f62d9de02d3817ce281d877122e954da56ccdf05f012927607",
    ("SD-BASE-AT", 1): "40e98745c0a461669f1b9500b4d0763eee97acc001eabbd560c8ca1d54b2b730",
    ("SD-BASE-AT-DP", 1): "af3e802872451d0e49e565bfe5b6938ea1c2a442dd97ee72c06516ab38b725bb",
    ("SD-BASE-ATP", 1): "56b0ee016fe2e9e4b971534a0fec80bfb7d28e161325d74e558638a74c518b6f",
    ("SD-BASE-ATP-DP", 1): "94151034b9730c6d6924e4721e6a5a95af1413f9fdfeb2e8dec8020116215831",
    ("SD-BASE-ATP-S3P", 1): "69b1f1ee85945f6f69773dd9344dd554ce767f9e53ebf1998bfd448d8cc619aa",
    ("SD-BASE-ATP-S3P-DP", 1): "e6eab541bf2dcc754a6e0c6354ec7cfe363084b888377ee200bb28a704306fc5",
    ("PDC-AI", 1): "018ff05563516397a380eb943e6dfa526e993619d750f572cd08eb978fb1b2a0",
    ("PDC-GOOD", 1): "879332759ac0c5f39f9d77c7119a685f3f6555b6ffaa948102a02ccc0e9c5b0e",
    ("PDC-INTENT", 1): "6ac8b797d0dbf451174f295013423eee5aef42bcbf912e3f925d276e890fcbda",
}
LATTICE = {
    "SD-BASE": set(),
    "SD-BASE-A": {"analytics-2p"},
    "SD-BASE-AT": {"analytics-2p", "tracking-2p"},
    "SD-BASE-ATP": {"analytics-2p", "tracking-2p", "profiling-2p"},
    "SD-BASE-ATP-S3P": {"analytics-2p", "tracking-2p", "profiling-2p", "sharing-anonymised-3p"},
}
GIFTS = {"PDC-AI": "ai-training", "PDC-GOOD": "public-good", "PDC-INTENT": "intent-casting"}


def vocabulary(*names: str) -> dict[str, dict[str, str]]:
    """The terms of the public vocabulary by IRI."""
    found = {}
    for name in names:
        path = VECTORS / name
        if not path.exists():
            pytest.skip(f"{path} is not here")
        with path.open(encoding="utf-8", newline="") as file:
            found |= {row["iri"]: row for row in csv.DictReader(file)}
    return found


def test_what_is_published_stays() -> None:
    assert {(one.id, one.version): one.hash.hex() for one in ROSTER} == PUBLISHED


def test_the_roster_is_the_lattice_of_the_standard() -> None:
    assert {one.id for one in newest(CONTRIBUTION)} == set(GIFTS)
    for agreement_id, uses in LATTICE.items():
        for name, hands_over in ((agreement_id, False), (f"{agreement_id}-DP", True)):
            one = find(name)
            assert one.allows == uses | {"service"}
            assert one.hands_over is hands_over
            others = clauses.USES - uses - {"service", *GIFTS.values()}
            assert clauses.prohibited(one.clauses) == others
    assert {one.id for one in newest(SERVICE)} == {
        name for one in LATTICE for name in (one, f"{one}-DP")
    }
    for agreement_id, use in GIFTS.items():
        assert find(agreement_id).allows == {use}
    assert find(DEFAULT_AGREEMENT).id == "SD-BASE-DP"


@every_agreement
def test_terms_are_those_of_the_public_vocabulary_or_ours(agreement: Agreement) -> None:
    known = vocabulary("ieee-7012-privacy_term.csv")
    for term in agreement.clauses:
        assert term == term.strip()
        if term.startswith("inseam:"):
            assert clauses.OWN_TERMS[term].endswith(".")
            name = term.partition(":")[2]
            assert f"{clauses.PREFIXES['myterms']}{name}" not in known, "the public one is meant"
        else:
            assert known[clauses.expand(term)]["type"] == "class"


def test_every_clause_that_is_known_is_defined() -> None:
    known = vocabulary("ieee-7012-privacy_term.csv")
    public = {clauses.expand(term) for term in clauses.KNOWN if term.startswith("myterms:")}
    assert public <= known.keys()
    assert {term for term in clauses.KNOWN if term.startswith("inseam:")} == set(clauses.OWN_TERMS)


@every_agreement
def test_the_form_for_machines_uses_defined_words(agreement: Agreement) -> None:
    known = vocabulary(
        "dpv-2.3.csv",
        "ieee-7012-privacy_term.csv",
        "ieee-7012-process.csv",
        "ieee-7012-agreement.csv",
    )
    told = agreement.jsonld
    used = [key for key in told if key.startswith(("dpv:", "myterms:"))] + told["@type"]
    used += [one["@id"] for key, one in told.items() if isinstance(one, dict) and key[0] != "@"]
    assert used
    for term in used:
        assert clauses.expand(term) in known, term
    assert told["@context"].items() >= clauses.PREFIXES.items()


@every_agreement
def test_words_fit_on_a_screen(agreement: Agreement) -> None:
    assert 2 <= len(agreement.says) <= 6
    assert sum(len(sentence.split()) for sentence in agreement.says) <= 110
    plain = " ".join([agreement.title, *agreement.says])
    assert not any(code in plain for code in ("SD-", "PDC", "2P", "3P", "DPV"))
    assert len({one.title for one in ROSTER}) == len(ROSTER)
    assert all(one.endswith(".") for one in (*agreement.says, *agreement.legal))


@every_agreement
def test_hash_is_of_the_canonical_form(agreement: Agreement) -> None:
    assert hashlib.sha256(agreement.body).digest() == agreement.hash
    assert json.loads(agreement.body) == agreement.jsonld
    assert find_by_hash(agreement.hash) is agreement
    assert find(agreement.id, agreement.version) is agreement


@pytest.mark.parametrize("name", ["", "sd-base", "SD-BASE ", "SD-BASE-DP\0", "TPR"])
def test_what_is_not_there_is_not_found(name: str) -> None:
    with pytest.raises(AgreementUnknown):
        find(name)
    with pytest.raises(AgreementUnknown):
        find("SD-BASE", 2)
    with pytest.raises(DomainError):
        find_by_hash(bytes(32))


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_anybody_may_read_the_roster(client: TestClient) -> None:
    listed = client.get("/v1/agreements")
    assert listed.headers["access-control-allow-origin"] == "*"
    assert [one["id"] for one in listed.json()["agreements"]] == [one.id for one in ROSTER]
    for row in listed.json()["agreements"]:
        one = client.get(f"/v1/agreements/{row['id']}").json()
        assert one.items() >= row.items()
        assert f"sha256:{find(row['id']).hash.hex()}" == row["hash"]
        assert (one["text"], one["legal"]) == (
            list(find(row["id"]).says),
            list(find(row["id"]).legal),
        )
        assert one["jsonld"] == find(row["id"]).jsonld
    assert client.get("/v1/agreements/SD-BASE", params={"version": 1}).status_code == 200
    for path, status in (
        ("/v1/agreements/TPR", 404),
        ("/v1/agreements/SD-BASE?version=2", 404),
        ("/v1/agreements/SD-BASE?version=0", 422),
        ("/v1/agreements/SD-BASE?version=x", 422),
        ("/v1/agreements/SD%00", 404),
    ):
        answer = client.get(path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
