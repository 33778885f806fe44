"""Each thing that becomes of a permission leaves a receipt: both sides have it, and anybody can
check it without the service (R-10, R-11, R-12)."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import rfc8785
from typer.testing import CliRunner

from app.cli import app as command
from app.consent.receipt_check import ReceiptWrong, check_file
from app.consent.receipt_text import STATES
from tests.journeys.back_end import Back
from tests.journeys.story import Person, Story, bearer
from tests.journeys.test_exact_asking import ask, entry, page_of, say_yes
from tests.journeys.test_pause import key
from tests.support.source import ROOT

VECTORS = ROOT.parent / "shared/vectors"
DAY = timedelta(days=1)

MANDATORY = (  # of ISO/IEC TS 27560, by the DPV guide
    "dct:conformsTo",
    "dct:identifier",
    "dpv:hasDataSubject",
    "dpv:hasNotice",
    "dpv:hasPurpose",
    "dpv:hasPersonalData",
    "dpv:hasStorageCondition",
    "dpv:hasJurisdiction",
    "dpv:hasDataController",
    "dpv:hasRecipient",
    "dpv:hasConsentControl",
    "dpv:hasDuration",
    "dpv:isIndicatedAtTime",
    "dpv:isIndicatedBy",
    "inseam:consentType",
    "dpv:hasConsentStatus",
)

People = list[tuple[Person, dict[str, Any]]]


@pytest.fixture
def owner(people: People) -> Person:
    return people[0][0]


@pytest.fixture
def grant_id(people: People) -> str:
    return str(people[0][1]["grant_id"])


@pytest.fixture
def full(story: Story, owner: Person, back: Back, grant_id: str) -> str:
    """A permission that was given, paused, resumed and taken back."""
    for act in ("pause", "resume", "revoke"):
        story.clock.advance(60)
        answer = owner.post(f"/permissions/{grant_id}/{act}", {"answer": "yes"})
        assert answer.status_code == 303, answer.text
    return grant_id


def receipt(back: Back, grant_id: str, number: int, **query: Any) -> dict[str, Any]:
    answer = back.get(f"/v1/data/grants/{grant_id}/receipts/{number}", **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def file_of(back: Back, grant_id: str) -> bytes:
    answer = back.get(f"/v1/data/grants/{grant_id}/receipts/file")
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def test_r_10_each_event_has_a_receipt_with_all_that_the_standard_asks(
    back: Back, full: str
) -> None:
    lines = back.get(f"/v1/data/grants/{full}/receipts").json()["receipts"]
    assert [one["event"] for one in lines] == ["given", "paused", "resumed", "revoked"]
    assert [one["number"] for one in lines] == [1, 2, 3, 4]
    for line in lines:
        told = receipt(back, full, line["number"])
        assert {name for name in MANDATORY if not told.get(name)} == set()
        assert told["dpv:hasConsentStatus"] == STATES[line["event"]]
        (kinds, *_) = told["dpv:hasPersonalData"]
        assert kinds["inseam:category"] in ("usage", "care")
        assert told["dpv:hasDuration"]["dct:valid"] > told["dct:created"]


def test_r_10_the_same_by_kantara(back: Back, full: str) -> None:
    schema = VECTORS / "consent-receipt/kantara-v1_1-schema.json"
    if not schema.exists():
        pytest.skip("the schema of Kantara v1.1 is not here: ../shared/vectors/consent-receipt")
    check = jsonschema_rs.Draft4Validator(json.loads(schema.read_text()))
    for number in (1, 2, 3, 4):
        told = receipt(back, full, number, form="kantara")
        check.validate(told)
        assert told["piiPrincipalId"] == f"urn:uuid:{full}"
        assert told["services"][0]["purposes"][0]["piiCategory"]
        assert told["consentReceiptID"] in receipt(back, full, number)["dct:identifier"]


def test_r_10_its_words_are_those_of_dpv(back: Back, full: str) -> None:
    terms = VECTORS / "dpv/dpv-2.3.csv"
    if not terms.exists():
        pytest.skip("the terms of DPV 2.3 are not here: ../shared/vectors/dpv")
    known = {line.split(",", 1)[0].strip('"') for line in terms.read_text().splitlines()}
    used = {one.removeprefix("dpv:") for one in _texts(receipt(back, full, 1)) if one[:4] == "dpv:"}
    used |= {one.removeprefix("dpv:") for one in STATES.values()}
    assert used <= known, used - known


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        names = {name for name in value if name != "@context"}
        return names | {text for name in names for text in _texts(value[name])}
    if isinstance(value, list):
        return {text for one in value for text in _texts(one)}
    return {value} if isinstance(value, str) else set()


def test_r_11_both_sides_have_the_same_file_and_it_proves_itself(
    story: Story, owner: Person, back: Back, full: str
) -> None:
    theirs = file_of(back, full)
    mine = owner.get(f"/permissions/{full}/receipts")
    assert mine.content == theirs
    token = key(story, owner, "own:read")
    by_key = story.api.get(f"/v1/me/grants/{full}/receipts/file", headers=bearer(token))
    assert by_key.content == theirs
    found = check_file(theirs)
    assert [one.place[1] for one in found] == [1, 2, 3, 4]
    keys = story.api.get("/oauth/jwks").json()
    assert len(check_file(theirs, keys)) == 4
    hashes = [
        one["hash"] for one in back.get(f"/v1/data/grants/{full}/receipts").json()["receipts"]
    ]
    assert [one.receipt["inseam:predecessorHash"] for one in found] == [None, *hashes[:-1]]


def test_r_11_a_bit_flip_anywhere_fails(back: Back, full: str) -> None:
    whole = json.loads(file_of(back, full))
    places = [("payload", whole["receipts"][1])]
    seal = whole["receipts"][1]["signatures"][0]
    places += [("protected", seal), ("signature", seal)]
    for name, part in places:
        text = part[name]
        for at in range(0, len(text), max(1, len(text) // 40)):
            part[name] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
            with pytest.raises(ReceiptWrong):
                check_file(json.dumps(whole).encode())
        part[name] = text
    assert check_file(json.dumps(whole).encode())


def test_r_11_one_taken_out_or_put_in_its_place_is_seen(
    back: Back, full: str, people: People
) -> None:
    whole = json.loads(file_of(back, full))
    other = json.loads(file_of(back, str(people[1][1]["grant_id"])))
    told = json.loads(urlsafe_b64decode(_padded(whole["receipts"][2]["payload"])))
    told["inseam:predecessorHash"] = "sha256:" + "00" * 32
    forged = urlsafe_b64encode(rfc8785.dumps(told)).decode().rstrip("=")
    wrong: list[Any] = [
        whole | {"receipts": []},
        whole | {"receipts": [*whole["receipts"], whole["receipts"][0]]},
        whole | {"receipts": [whole["receipts"][2] | {"payload": forged}]},
        whole | {"receipts": {}},
        whole | {"keys": {"keys": []}},
        whole | {"keys": None},
        [],
        {},
    ]
    for one in wrong:
        with pytest.raises(ReceiptWrong):
            check_file(json.dumps(one).encode())
    for body in (b"", b"{", b"\xff", b"[" * 100):
        with pytest.raises(ReceiptWrong):
            check_file(body)
    assert check_file(json.dumps(whole | {"receipts": whole["receipts"][1:]}).encode())
    both = whole | {"receipts": [*other["receipts"], *whole["receipts"]]}
    assert len(check_file(json.dumps(both).encode())) == 5


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def test_r_11_the_command_checks_a_file_offline(
    story: Story, back: Back, full: str, tmp_path: Path
) -> None:
    file, keys = tmp_path / "receipts.json", tmp_path / "keys.json"
    file.write_bytes(file_of(back, full))
    keys.write_text(story.api.get("/oauth/jwks").text)
    run = CliRunner().invoke(command, ["receipt", "verify", str(file), "--keys", str(keys)])
    assert run.exit_code == 0, run.output
    assert "4 receipts are as they were given." in run.output
    assert "came with the file" not in run.output
    run = CliRunner().invoke(command, ["receipt", "verify", str(file)])
    assert run.exit_code == 0, run.output
    assert "The keys came with the file" in run.output
    file.write_bytes(file.read_bytes()[:-40])
    for wrong in (file, tmp_path / "none.json", tmp_path):
        run = CliRunner().invoke(command, ["receipt", "verify", str(wrong)])
        assert run.exit_code == 1, run.output
        assert "Traceback" not in run.output


def test_r_12_nothing_in_a_receipt_is_the_owners(
    story: Story, owner: Person, back: Back, full: str
) -> None:
    page = owner.get("/security").text
    assert "An owner" in page or "@people.example" in page
    told = json.dumps([receipt(back, full, number) for number in (1, 2, 3, 4)])
    for secret in ("An owner", "people.example", "SL-1", "Straight Leg"):
        assert secret not in told


def test_a_change_has_a_receipt_of_what_it_gives(
    story: Story, back: Back, owner: Person, grant_id: str
) -> None:
    more = {"grant_management_action": "merge", "grant_id": grant_id}
    asking = ask(story, back, entry("body", precision={"time": "week"}), **more)
    page_of(owner, asking)
    (thing,) = [one["id"] for one in _own_objects(story, owner)]
    asking.back(say_yes(owner, asking, ["body"], object=[thing]))
    first, second = (receipt(back, grant_id, number) for number in (1, 2))
    assert second["dpv:hasConsentStatus"] == "dpv:RenewedConsentGiven"
    assert len(second["dpv:hasPersonalData"]) == len(first["dpv:hasPersonalData"]) + 1
    (body,) = [d for d in second["dpv:hasPersonalData"] if d["inseam:category"] == "body"]
    assert body["inseam:precision"] == {"time": "week", "place": "exact"}
    assert "dpv:SensitivePersonalData" in body["@type"]
    assert receipt(back, grant_id, 2, form="kantara")["sensitive"] is True


def _own_objects(story: Story, owner: Person) -> list[dict[str, Any]]:
    answer = story.api.get("/v1/me/objects", headers=bearer(key(story, owner, "own:read")))
    return list(answer.json()["objects"])


def test_time_leaves_a_receipt_too(story: Story, back: Back, grant_id: str, work_jobs: Any) -> None:
    story.clock.advance(91 * DAY)
    work_jobs()
    work_jobs()
    lines = back.get(f"/v1/data/grants/{grant_id}/receipts").json()["receipts"]
    assert [one["event"] for one in lines] == ["given", "expired"]
    check_file(file_of(back, grant_id))


def test_receipts_are_read_and_printed(owner: Person, people: People, full: str) -> None:
    page = owner.get(f"/permissions/{full}").text
    assert f'href="/permissions/{full}/receipts/4"' in page
    shown = owner.get(f"/permissions/{full}/receipts/4")
    assert "Taken back" in shown.text
    assert "may read nothing under it" in shown.text
    for path in ("/5", "/0", "/99999999999999999999"):
        assert owner.get(f"/permissions/{full}/receipts{path}").status_code in (404, 422)
    stranger = people[1][0]
    for path in ("", "/1"):
        assert stranger.get(f"/permissions/{full}/receipts{path}").status_code == 404
