"""The owner proffers, the vendor agrees: what it accepts is public, what holds is one document on
both sides, and what is above the owner's limits may be refused unasked (R-02 to R-08, R-21, R-45).
"""

import json
import re
from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import rfc8785
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet

from app.consent.agreed import SEAL
from app.consent.models import Proffer
from app.consent.proffers import state_of
from app.kit import jsonio
from app.kit.crypto import b64u
from app.kit.ids import new_id
from app.organizations.clients import disable_client
from app.organizations.models import Client
from app.terms.ceilings import DEFAULT_CEILINGS
from app.terms.roster import DEFAULT_AGREEMENT, find
from app.usage.wire import rfc3339
from tests.journeys.back_end import SCOPES
from tests.journeys.story import PURPOSE, REDIRECT, Person, Story, basic, bearer
from tests.journeys.test_pause import key

OWN = find(DEFAULT_AGREEMENT)
FITS = "SD-BASE-DP"
ABOVE = "SD-BASE-ATP"
WITHIN = "SD-BASE-DP"
KEY = ECKey.generate_key("P-256", {"kid": "one"})


class Firm:
    """A vendor with what it accepts, and its back end."""

    def __init__(self, story: Story, *accepts: str, name: str = "Mend & Co", **more: Any) -> None:
        told = {"inseam_agreements": list(accepts), "door": "operator"}
        told |= {"jwks": {"keys": [KEY.as_dict(private=False)]}}
        self.story = story
        self.organization = story.organization(name)
        self.client = story.client(
            self.organization,
            *PURPOSE["scopes"],  # type: ignore[misc]
            *SCOPES,
            **{
                "redirect_uris": [REDIRECT],
                "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
                "purposes": [PURPOSE],
                "registered": told,
            }
            | more,
        )

    def token(self) -> dict[str, str]:
        form = {"grant_type": "client_credentials", "scope": " ".join(SCOPES)}
        answer = self.story.api.post("/oauth/token", data=form, headers=basic(self.client))
        assert answer.status_code == 200, answer.text
        return bearer(answer.json()["access_token"])

    def accept(self, *agreements: str) -> None:
        with self.story.app.state.db.session() as db:
            row = db.get_one(Client, self.client[0])
            row.registered = row.registered | {"inseam_agreements": list(agreements)}

    def copy(self, grant_id: str) -> Any:
        path = f"/v1/data/grants/{grant_id}/agreement"
        return self.story.api.get(path, headers=self.token())

    def sign(self, grant_id: str, text: str) -> Any:
        path = f"/v1/data/grants/{grant_id}/agreement"
        return self.story.api.post(path, json={"jws": text}, headers=self.token())


@pytest.fixture
def owner(story: Story) -> Person:
    return story.person()


@pytest.fixture
def jeans(story: Story, owner: Person) -> str:
    maker = story.maker()
    thing = story.owned(maker, story.product(maker), owner, "SL-1")
    story.send(maker, thing, story.wear(), story.wash())
    return thing


@pytest.fixture
def token(story: Story, owner: Person) -> dict[str, str]:
    return bearer(key(story, owner, "own:read"))


def page_of(owner: Person, path: str) -> str:
    shown = owner.get(path)
    assert shown.status_code == 200, shown.text
    return " ".join(shown.text.split())


def terms(owner: Person, version: int = 1, *, refuses: bool, agreement: str = "SD-BASE") -> None:
    form = {"version": str(version), "agreement": agreement, "hands_over": "yes"}
    kept = owner.post("/terms", form | ({"refuses": "yes"} if refuses else {}))
    assert kept.status_code == 303, kept.text


def verified(copy: dict[str, Any], keys: KeySet, number: int = 0) -> dict[str, Any]:
    """The document, as somebody reads it who has the file and the keys alone."""
    one = copy["signatures"][number]
    text = f"{one['protected']}.{copy['payload']}.{one['signature']}"
    found = jws.deserialize_compact(text, keys, algorithms=["Ed25519", "ES256"])
    told: dict[str, Any] = jsonio.loads(found.payload)
    assert rfc8785.dumps(told) == found.payload
    return told


def keys_of(story: Story) -> KeySet:
    return KeySet.import_key_set(story.api.get("/oauth/jwks").json())


def connected(story: Story, firm: Firm, owner: Person, jeans: str) -> dict[str, Any]:
    return story.connect(firm.client, owner, [jeans])


def denied(response: Any) -> dict[str, str]:
    assert response.status_code == 303, response.text
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert query["error"] == ["access_denied"]
    return {name: values[0] for name, values in query.items()}


def test_r_02_what_a_vendor_accepts_is_public(story: Story) -> None:
    firm = Firm(story, "SD-BASE", FITS)
    told = story.api.get("/v1/agreements/accepted", params={"client_id": firm.client[0]})
    assert told.status_code == 200, told.text
    assert {one["id"] for one in told.json()["agreements"]} == {"SD-BASE", FITS}
    assert told.headers["access-control-allow-origin"] == "*"
    none = story.vendor("Silent")
    told = story.api.get("/v1/agreements/accepted", params={"client_id": none[0]})
    assert told.json()["agreements"] == []
    with story.app.state.db.session() as db:
        disable_client(db, story.clock, none[0])
    for unknown in (none[0], "nobody", "é" * 90):
        told = story.api.get("/v1/agreements/accepted", params={"client_id": unknown})
        assert told.status_code == 404, unknown


def test_r_02_what_was_withdrawn_meanwhile_holds_nothing(
    story: Story, owner: Person, jeans: str
) -> None:
    firm = Firm(story, FITS)
    asking = story.ask(firm.client)
    assert "accepts your agreement" in page_of(owner, asking.page)
    firm.accept("SD-BASE-ATP")
    until = "2026-12-20"
    form = {"answer": "allow", "object": [jeans], "kind": ["usage"], "until": until}
    assert owner.post(asking.page, form).status_code == 410
    assert owner.get("/permissions").text.count("Mend") == 0


@pytest.mark.parametrize(
    ("accepts", "said", "held"),
    [
        ([FITS, "SD-BASE-A"], "accepts your agreement", FITS),
        (["SD-BASE-ATP"], "offers one that gives you less", "SD-BASE-ATP"),
        ([], "accepts none of your agreements", None),
        (["PDC-AI"], "accepts none of your agreements", None),
    ],
)
def test_r_03_the_page_says_which_agreement_will_hold(
    story: Story, owner: Person, jeans: str, accepts: list[str], said: str, held: str | None
) -> None:
    firm = Firm(story, *accepts)
    asking = story.ask(firm.client)
    page = page_of(owner, asking.page)
    assert said in page
    assert "SD-BASE" not in page, "codes are for machines"
    links = re.findall(r"/agreements/[0-9a-f]{64}", page)
    titles = {OWN.title} | ({find(held).title} if held else set())
    assert {title for link in links for title in titles if title in page_of(owner, link)} == titles
    assert owner.get(f"/agreements/{'0' * 64}").status_code == 404
    tokens = asking.redeem(asking.allow(owner, [jeans]))
    page = page_of(owner, f"/permissions/{tokens['grant_id']}")
    if held is None:
        assert "None holds." in page
        assert firm.copy(tokens["grant_id"]).status_code == 404
    else:
        assert find(held).title in page
        assert verified(firm.copy(tokens["grant_id"]).json(), keys_of(story))["agreement"] == {
            "id": held,
            "version": 1,
            "dpv": "2.3",
            "hash": f"sha256:{find(held).hash.hex()}",
        }


def test_r_03_an_alternative_that_takes_nothing_holds_without_a_warning(
    story: Story, owner: Person, jeans: str
) -> None:
    terms(owner, refuses=False, agreement="SD-BASE-ATP")
    firm = Firm(story, "SD-BASE-DP")
    asking = story.ask(firm.client)
    assert "which takes nothing from you" in page_of(owner, asking.page)
    tokens = asking.redeem(asking.allow(owner, [jeans]))
    told = verified(firm.copy(tokens["grant_id"]).json(), keys_of(story))
    assert (told["answer"], told["proffered"]["id"]) == ("alternative", "SD-BASE-ATP-DP")


def test_r_03_there_is_no_second_alternative(story: Story, owner: Person, jeans: str) -> None:
    firm = Firm(story, ABOVE)
    asking = story.ask(firm.client)
    assert "gives you less" in page_of(owner, asking.page)
    firm.accept(ABOVE, "SD-BASE-A")
    terms(owner, refuses=False, agreement="SD-BASE-ATP")
    assert "gives you less" in page_of(owner, asking.page), "what was shown stands"
    tokens = asking.redeem(asking.allow(owner, [jeans]))
    told = verified(firm.copy(tokens["grant_id"]).json(), keys_of(story))
    assert (told["agreement"]["id"], told["proffered"]["id"]) == (ABOVE, FITS)


def test_r_04_both_sides_have_the_same_bytes_and_any_edit_shows(
    story: Story, owner: Person, jeans: str, token: dict[str, str]
) -> None:
    firm = Firm(story, FITS)
    grant_id = connected(story, firm, owner, jeans)["grant_id"]
    theirs = firm.copy(grant_id)
    assert theirs.headers["content-type"] == "application/jose+json"
    file = owner.get(f"/permissions/{grant_id}/agreement")
    api = story.api.get(f"/v1/me/grants/{grant_id}/agreement", headers=token)
    assert theirs.content == file.content == api.content
    assert rfc8785.dumps(theirs.json()) == theirs.content
    told = verified(theirs.json(), keys_of(story))
    assert told["grant"] == {"id": grant_id, "version": 1}
    assert told["second_party"]["client_id"] == firm.client[0]
    assert (told["at"], told["place"]) == (rfc3339(story.clock.now()), "https://testserver")
    header = json.loads(urlsafe_b64decode(theirs.json()["signatures"][0]["protected"] + "=="))
    assert header["typ"] == SEAL
    bent = theirs.json()
    text = urlsafe_b64decode(bent["payload"] + "==")
    for place in range(0, len(text), 37):
        letters = bytearray(text)
        letters[place] ^= 1
        with pytest.raises(BadSignatureError):
            verified(bent | {"payload": b64u(bytes(letters))}, keys_of(story))


def test_r_04_failed_attempts_are_kept_too(
    story: Story, owner: Person, jeans: str, token: dict[str, str]
) -> None:
    firm = Firm(story)
    asking = story.ask(firm.client)
    assert denied(asking.answer(owner, {"answer": "refuse"}))
    ended = story.ask(Firm(story, FITS, name="Slow").client)
    page_of(owner, ended.page)
    told = story.api.get("/v1/me/terms/proffers", headers=token).json()["proffers"]
    assert {one["client_name"]: (one["answer"], one["state"]) for one in told} == {
        "Slow client": ("accept", "PendingResponse"),
        "Mend & Co client": ("reject", "Refused"),
    }
    with story.app.state.db.read() as db:
        rows = {row.client_name: row for row in db.query(Proffer)}
        now = story.clock.now()
        assert state_of(rows["Mend & Co client"], now) == "Refused"
        assert rows["Mend & Co client"].answer == "reject"
        late = rows["Slow client"].expires_at
        assert state_of(rows["Slow client"], now) == "PendingResponse"
        assert state_of(rows["Slow client"], late) == "Expired"


def test_r_05_two_parties_and_the_owner_is_not_named(
    story: Story, owner: Person, jeans: str
) -> None:
    firm = Firm(story, FITS)
    grant_id = connected(story, firm, owner, jeans)["grant_id"]
    told = verified(firm.copy(grant_id).json(), keys_of(story))
    assert {name for name in told if name.endswith("_party")} == {"first_party", "second_party"}
    assert told["first_party"] == {"role": "owner", "id": f"urn:uuid:{grant_id}"}


def test_r_07_answers_name_the_grant_and_the_agreement(
    story: Story, owner: Person, jeans: str
) -> None:
    firm = Firm(story, FITS)
    tokens = connected(story, firm, owner, jeans)
    thing = story.objects(tokens["access_token"])[0]["id"]
    listed = story.api.get("/v1/data/objects", headers=bearer(tokens["access_token"]))
    for answer in (story.records(tokens["access_token"], thing), listed):
        assert answer.headers["inseam-grant"] == tokens["grant_id"]
        assert answer.headers["inseam-agreement"] == f"{FITS};sha256={OWN.hash.hex()}"
        assert answer.json()["agreement"] == {"id": FITS, "hash": f"sha256:{OWN.hash.hex()}"}
        assert answer.json()["grant"]["id"] == tokens["grant_id"]
    bare = connected(story, Firm(story, name="Bare"), owner, jeans)
    answer = story.api.get("/v1/data/objects", headers=bearer(bare["access_token"]))
    assert "inseam-agreement" not in answer.headers
    assert answer.json()["agreement"] is None


def test_r_08_a_vendors_own_signature_is_shown_as_stronger(
    story: Story, owner: Person, jeans: str, token: dict[str, str]
) -> None:
    firm = Firm(story, FITS)
    grant_id = connected(story, firm, owner, jeans)["grant_id"]
    assert "It has not signed" in page_of(owner, f"/permissions/{grant_id}")
    document = urlsafe_b64decode(firm.copy(grant_id).json()["payload"] + "==")
    header = {"alg": "ES256", "kid": "one"}
    text = jws.serialize_compact(header, document, KEY)
    wrong = [
        jws.serialize_compact(header, document + b" ", KEY),
        jws.serialize_compact({"alg": "ES256"}, document, ECKey.generate_key("P-256")),
        text[:-1],
        text + "A",
        text.replace(".", "", 1),
        "",
    ]
    for bad in wrong:
        answer = firm.sign(grant_id, bad)
        assert answer.json()["type"].endswith("/signature-does-not-match"), bad
    signed = firm.sign(grant_id, text)
    assert signed.status_code == 200, signed.text
    assert verified(signed.json(), KeySet([KEY]), 1) == verified(signed.json(), keys_of(story))
    api = story.api.get(f"/v1/me/grants/{grant_id}/agreement", headers=token)
    assert api.content == signed.content == firm.sign(grant_id, text).content
    again = firm.sign(grant_id, jws.serialize_compact(header | {"typ": "x"}, document, KEY))
    assert again.status_code == 409
    assert "signed it with a key of its own" in page_of(owner, f"/permissions/{grant_id}")


def test_a_newer_version_is_agreed_on_anew(
    story: Story, owner: Person, jeans: str, token: dict[str, str]
) -> None:
    firm = Firm(story, FITS)
    grant_id = connected(story, firm, owner, jeans)["grant_id"]
    first = firm.copy(grant_id).content
    assert owner.post(f"/permissions/{grant_id}/pause").status_code == 303
    assert owner.post(f"/permissions/{grant_id}/resume").status_code == 303
    assert firm.copy(grant_id).content == first, "a pause changes no agreement"
    firm.accept(ABOVE)
    change = story.ask(firm.client, grant_management_action="replace", grant_id=grant_id)
    change.redeem(change.allow(owner, [jeans], ("usage",)))
    told = verified(firm.copy(grant_id).json(), keys_of(story))
    assert (told["grant"]["version"], told["agreement"]["id"]) == (4, ABOVE)
    path = f"/v1/me/grants/{grant_id}/agreement"
    assert story.api.get(path, params={"version": 3}, headers=token).content == first
    unknown = f"/v1/me/grants/{new_id()}/agreement"
    assert story.api.get(unknown, headers=token).status_code == 404


def test_r_21_out_of_the_box_nothing_is_refused_unasked(
    story: Story, owner: Person, jeans: str
) -> None:
    asking = story.ask(Firm(story).client)
    assert "Asks for more than" in page_of(owner, asking.page)
    assert asking.allow(owner, [jeans])


def test_r_21_refused_unasked_names_attribute_asked_and_allowed(
    story: Story, owner: Person, jeans: str
) -> None:
    terms(owner, refuses=True)
    firm = Firm(story, FITS)
    asking = story.ask(firm.client)
    told = denied(owner.get(asking.page))
    assert "history_days of body: asked without limit, allowed 0" in told["error_description"]
    assert told["error_uri"].endswith("/problems/above-limits")
    assert story.api.get(urlsplit(told["error_uri"]).path).status_code == 200
    page = page_of(owner, "/requests")
    assert "Refused by your limits" in page
    assert "as far back as it goes. Your limit: nothing from before they ask." in page
    assert "You said no" not in page
    assert "was refused without asking you" in page_of(owner, "/security/log")
    fine = story.ask(firm.client, "usage:read", "care:read")
    assert fine.redeem(fine.allow(owner, [jeans]))["scope"]


def test_r_21_an_answer_without_a_look_is_refused_too(
    story: Story, owner: Person, jeans: str
) -> None:
    terms(owner, refuses=True)
    asking = story.ask(Firm(story, FITS).client)
    form = {"answer": "allow", "object": [jeans], "kind": ["usage"], "until": "2026-12-20"}
    assert "history_days of body" in denied(owner.post(asking.page, form))["error_description"]
    assert "allowed" not in owner.get("/permissions").text.partition("<main")[2].split("Mend")[0]


def test_r_21_the_owner_lifts_it_for_one_vendor_and_puts_it_back(
    story: Story, owner: Person, jeans: str
) -> None:
    terms(owner, refuses=True)
    firm, other = Firm(story, FITS), Firm(story, FITS, name="Other")
    denied(owner.get(story.ask(firm.client).page))
    denied(owner.get(story.ask(other.client).page))
    lifted = owner.post("/requests/limits", {"vendor": firm.client[0], "answer": "lift"})
    assert lifted.status_code == 303
    assert "may ask you from now on" in page_of(owner, "/requests")
    assert "Asks for more than" in page_of(owner, story.ask(firm.client).page)
    denied(owner.get(story.ask(other.client).page))
    owner.post("/requests/limits", {"vendor": firm.client[0], "answer": "hold"})
    denied(owner.get(story.ask(firm.client).page))
    stranger = story.person()
    nothing = stranger.post("/requests/limits", {"vendor": firm.client[0], "answer": "lift"})
    assert nothing.status_code == 404


def test_r_21_the_agreement_is_a_limit_as_well(story: Story, owner: Person, jeans: str) -> None:
    terms(owner, refuses=True)
    for accepts in ([], [ABOVE]):
        asking = story.ask(Firm(story, *accepts, name=f"Firm {len(accepts)}").client, "usage:read")
        told = denied(owner.get(asking.page))
        asked = ABOVE if accepts else "none"
        assert f"agreement: asked {asked}, allowed {FITS}" in told["error_description"]
    assert "does not accept your agreement" in page_of(owner, "/requests")


def test_r_21_a_pushed_change_is_refused_at_once_with_412(
    story: Story, owner: Person, jeans: str
) -> None:
    firm = Firm(story, FITS)
    tokens = connected(story, firm, owner, jeans)
    terms(owner, refuses=True)
    form = {
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "usage:read body:read",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
        "grant_management_action": "merge",
        "grant_id": tokens["grant_id"],
    }
    for _ in range(2):
        told = story.api.post("/oauth/par", data=form, headers=basic(firm.client))
        assert told.status_code == 412, told.text
        assert told.json()["error"] == "access_denied"
        body = {"attribute": "history_days", "category": "body", "asked": None, "allowed": 0}
        assert body in told.json()["limits"]
    assert page_of(owner, "/requests").count("<strong>Mend &amp; Co client</strong>") == 1
    fine = form | {"scope": "usage:read"}
    assert story.api.post("/oauth/par", data=fine, headers=basic(firm.client)).status_code == 201


@pytest.mark.parametrize("how", ["name", "domain", "redirect"])
def test_r_45_a_gatekeeper_can_hold_nothing(
    story: Story, owner: Person, jeans: str, how: str
) -> None:
    name = "Google Ireland Ltd." if how == "name" else f"Thread {how}"
    uris = [REDIRECT, "https://login.google.com/back"] if how == "redirect" else [REDIRECT]
    firm = Firm(story, FITS, name=name, redirect_uris=uris)
    if how == "domain":
        with story.app.state.db.session() as db:
            row = db.get_one(type(firm.organization), firm.organization.org_id)
            row.verified_domain = "data.google.com"
    told = denied(owner.get(story.ask(firm.client, "usage:read").page))
    assert told["error_description"].startswith("Above what the owner allows. gatekeeper: Alphabet")
    page = page_of(owner, "/requests")
    assert "the law names a gatekeeper" in page
    assert "Let them ask me" not in page
    owner.post("/requests/limits", {"vendor": firm.client[0], "answer": "lift"})
    denied(owner.get(story.ask(firm.client, "usage:read").page))


def test_limits_hold_an_own_app_to_nothing(story: Story, owner: Person, jeans: str) -> None:
    terms(owner, refuses=True)
    form = {"app_name": "Home", "app_redirects": REDIRECT, "app_kind": "confidential"}
    made = owner.post("/security/apps", form | {"app_scope": ["usage:read", "body:read"]})
    own = made.headers["location"].rpartition("/")[2]
    page = page_of(owner, story.ask((own, ""), "usage:read", "body:read").page)
    assert "The agreement" not in page
    hidden = story.api.get("/v1/agreements/accepted", params={"client_id": own})
    assert hidden.status_code == 404


def test_defaults_are_what_these_tests_think() -> None:
    assert DEFAULT_CEILINGS.categories["body"].history_days == 0
    assert OWN.id == FITS
