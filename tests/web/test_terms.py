"""The pages of terms: limits as sentences, a form for each, what they would have said, versions."""

import re
from typing import Any

import pytest

from app.terms.ceilings import DEFAULT_CEILINGS, Ceiling, Excess
from app.terms.purposes import GROUPS
from app.terms.roster import find
from app.web import terms_words
from app.web.terms_form import Wrong, form_of, limit_of
from tests.support.visitor import Visitor
from tests.terms.limits import ceiling, closed

LIMIT = {
    "version": "1",
    "kind": "usage",
    "precision": "day",
    "place": "exact",
    "history_days": "0",
    "duration_days": "365",
    "times": "2",
    "per": "week",
    "countries": "de, FR",
    "answer": "keep",
}


def flat(answer: Any) -> str:
    assert answer.status_code in (200, 422), answer.status_code
    return " ".join(answer.text.split())


def test_terms_are_shown_and_changed(owner: Visitor) -> None:
    page = flat(owner.get("/terms"))
    assert "By the day, to 10 km, nothing from before they ask, for 90 days." in page
    assert "What everybody begins with." in page
    assert owner.post("/terms/limits", LIMIT).headers["location"] == "/terms"
    page = flat(owner.get("/terms"))
    assert "How you use it: the limit is kept." in page
    said = "By the day, nothing from before they ask, for a year, twice a week at most"
    assert f"{said}, only in Germany and France." in page
    assert "How you use it: by the day. Before: as exactly as it is recorded." in page
    assert "Version 2" in page
    form = flat(owner.get("/terms/limits?kind=usage"))
    assert 'value="DE, FR"' in form


def test_codes_of_agreements_are_not_words_of_a_page(owner: Visitor) -> None:
    form = {"version": "1", "agreement": "SD-BASE-A", "hands_over": "yes", "refuses": "yes"}
    assert owner.post("/terms", form).status_code == 303
    page = owner.get("/terms").text
    seen = re.sub(r"<[^>]*>", "", page)
    assert "SD-" not in seen
    assert f"The agreement: {find('SD-BASE-A-DP').title}." in " ".join(seen.split())
    assert "refused without asking you. Before: marked, and you are asked." in page
    for path in ("/agreements/SD-BASE-A-DP", "/agreements/SD-BASE-A-DP/legal"):
        assert "SD-" not in re.sub(r"<[^>]*>", "", owner.get(path).text)


def test_an_exception_is_made_and_taken_away(owner: Visitor) -> None:
    where = {"kind": "care", "purpose": "marketing"}
    assert "Remove the exception" not in owner.get("/terms/limits", params=where).text
    assert owner.post("/terms/limits", LIMIT | where).status_code == 303
    title = "How you look after it, to advertise and sell to you"
    assert f"<strong>{title}</strong>" in owner.get("/terms").text
    assert "Remove the exception" in owner.get("/terms/limits", params=where).text
    assert owner.post("/terms/limits/remove", where | {"version": "2"}).status_code == 303
    page = owner.get("/terms").text
    assert f"<strong>{title}</strong>" not in page
    assert f"{title}: the exception is gone." in page


def test_a_trial_keeps_nothing(owner: Visitor) -> None:
    page = flat(owner.post("/terms/limits", LIMIT | {"answer": "try"}))
    assert "What it would have said" in page
    assert "Nobody has asked you for anything" in page
    assert "Version 2" not in owner.get("/terms").text


def test_a_form_of_an_older_version_changes_nothing(owner: Visitor) -> None:
    assert owner.post("/terms/limits", LIMIT).status_code == 303
    late = {"version": "1", "agreement": "SD-BASE"}
    assert owner.post("/terms", late).headers["location"] == "/terms"
    page = owner.get("/terms").text
    assert "Your terms had changed meanwhile." in page
    assert "Version 3" not in page
    assert owner.post("/terms/limits", LIMIT | {"kind": "care"}).status_code == 303
    assert "Version 3" not in owner.get("/terms").text


def test_what_cannot_be_meant_is_said_and_changes_nothing(owner: Visitor) -> None:
    for change, place in (
        ({"history_days": "-1"}, "history-days"),
        ({"history_days": "9" * 900}, "history-days"),
        ({"history_days": "٣"}, "history-days"),
        ({"duration_days": ""}, "duration-days"),
        ({"duration_days": "0"}, "duration-days"),
        ({"duration_days": "<b>"}, "duration-days"),
        ({"times": "101"}, "times"),
        ({"per": "year"}, "times"),
        ({"countries": "Germany"}, "countries"),
        ({"precision": "second"}, "precision"),
        ({"place": ""}, "place"),
    ):
        answer = owner.post("/terms/limits", LIMIT | {"kind": "location"} | change)
        assert answer.status_code == 422, change
        assert f'<a href="#{place}">' in answer.text, change
        assert "<b>" not in answer.text
    for agreement in ("PDC-AI", "SD-BY", ""):
        answer = owner.post("/terms", {"version": "1", "agreement": agreement})
        assert (answer.status_code, 'href="#agreement"' in answer.text) == (422, True)
    for version in ("0", "x", "9" * 40, ""):
        assert owner.post("/terms", {"version": version}).status_code == 422
    assert owner.post("/terms/limits", LIMIT | {"countries": "D\0"}).status_code == 422
    for query in ("", "?kind=mood", "?kind=usage&purpose=fun"):
        assert owner.get(f"/terms/limits{query}").status_code == 404
    assert owner.post("/terms/limits", LIMIT | {"kind": "mood"}).status_code == 404
    assert owner.post("/terms/limits/remove", {"version": "1", "kind": "care"}).status_code == 404
    assert "Version 2" not in owner.get("/terms").text


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_an_agreement_has_a_page_and_a_form_for_machines(visitor: Visitor) -> None:
    one = find("SD-BASE-DP")
    page = visitor.get("/agreements/SD-BASE-DP")
    assert "Accept" in page.headers["vary"].split(", ")
    assert all(sentence in page.text for sentence in one.says)
    legal = visitor.get("/agreements/SD-BASE-DP/legal?version=1").text
    assert one.hash.hex() in legal
    accept = {"accept": "application/ld+json"}
    for answer in (
        visitor.get("/agreements/SD-BASE-DP.jsonld"),
        visitor.http.get("/agreements/SD-BASE-DP", headers=accept),
    ):
        assert answer.content == one.body
        assert answer.headers["content-type"] == "application/ld+json"
    for path in ("TPR", "TPR.jsonld", "SD-BASE/x", "SD-BASE?version=2", "SD%00", ".jsonld"):
        assert visitor.get(f"/agreements/{path}").status_code == 404, path
    assert visitor.get("/terms").status_code == 303, "only for who is signed in"


def test_every_group_and_part_has_words() -> None:
    assert terms_words.GROUPS.keys() == GROUPS.keys()
    assert terms_words.MISTAKES.keys() == Ceiling.model_fields.keys() - {"onward", "ai_training"}


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (closed(), "By the day, nothing from before they ask, for 90 days. Not passed on, and"),
        (ceiling(history_days=1, duration_days=1), "recorded, a day back, for a day. Not passed"),
        (ceiling(onward=True), "May be passed on, but trains no artificial intelligence."),
        (ceiling(onward=True, ai_training=True), "May be passed on and train artificial"),
        (ceiling(frequency={"count": 1, "per": "month"}), "for a year, once in 30 days at most."),
    ],
)
def test_a_limit_in_words(limit: Ceiling, said: str) -> None:
    assert said in terms_words.limit("usage", limit)


@pytest.mark.parametrize(
    ("excess", "said"),
    [
        (Excess("history_days", "body", None, 0), "as far back as it goes. Your limit: nothing"),
        (Excess("frequency", "usage", {"count": 3}, {"count": 1, "per": "day"}), "3 times in all"),
        (Excess("frequency", "usage", None, {"count": 1, "per": "day"}), "as often as they like"),
        (Excess("countries", "usage", None, ["DE"]), "it does not say where it goes. Your limit"),
        (Excess("countries", "usage", ["US"], ["DE"]), "it goes to United States"),
        (Excess("onward", "usage", True, False), "may be passed on. Your limit: not passed on."),
        (Excess("purpose", "usage", "Mischief", None), "no limit for what it asks for"),
    ],
)
def test_an_excess_in_words(excess: Excess, said: str) -> None:
    assert said in terms_words.excess(excess)


@pytest.mark.parametrize("one", [*DEFAULT_CEILINGS.categories.values(), ceiling(countries=["FR"])])
def test_a_form_reads_back_what_it_shows(one: Ceiling) -> None:
    assert limit_of(form_of(one)) == one


def test_a_wrong_form_names_its_fields() -> None:
    form = form_of(ceiling())
    with pytest.raises(Wrong) as wrong:
        limit_of(form.__class__(**vars(form) | {"times": "x", "countries": "1"}))
    assert wrong.value.errors.keys() == {"times", "countries"}
