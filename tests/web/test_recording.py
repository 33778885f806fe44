"""The pages on which an owner pauses an object, says how long it is kept, and erases a part."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.kit.ids import new_id
from tests.api.owners.conftest import EMAIL, HOUR, Home, home  # noqa: F401  # a fixture

DAY = timedelta(days=1)


def text_of(page: Any) -> str:
    """What a page says, without its tags."""
    assert page.status_code in (200, 422), page.text
    main = page.text.partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def look(home: Home) -> str:  # noqa: F811
    return text_of(home.owner.get(f"/objects/{home.jeans}"))


def act(home: Home, path: str, **form: str) -> str:  # noqa: F811
    """Send a form; what the object's page says then."""
    answer = home.owner.post(f"/objects/{home.jeans}/{path}", form)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/objects/{home.jeans}#recording"
    return look(home)


def confirm(home: Home) -> None:  # noqa: F811
    home.story.confirm(home.owner, EMAIL)


def test_pausing_the_whole_and_a_part(home: Home) -> None:  # noqa: F811
    assert "Pause everything" in look(home)
    said = act(home, "pause", stream="wash")
    assert "“Wash” is not recorded any more." in said
    assert home.send(home.wash(), home.story.wear()) == ["recording-paused", "stored"]
    said = act(home, "pause")
    assert "Nothing of it is recorded any more." in said
    assert "Nothing of it is stored, whatever is sent." in said
    assert "Pause everything" not in said
    assert home.send(home.story.wear()) == ["recording-paused"]
    home.later(HOUR)
    assert "It records again." in act(home, "resume")
    assert home.send(home.wash(), home.story.wear()) == ["stored", "stored"]
    act(home, "pause", stream="wash")
    home.later(HOUR)
    assert "“Wash” is recorded again." in act(home, "resume", stream="wash")
    assert home.send(home.wash()) == ["stored"]


def test_how_long_is_looked_at_before_it_counts(home: Home) -> None:  # noqa: F811
    now = home.clock.now()
    home.send(home.place(now - 8 * DAY), home.place(now - 5 * DAY), home.place(now))
    page = f"/objects/{home.jeans}/keep/place"
    assert "Kept for 90 days, as the maker says." in text_of(home.owner.get(page))
    for days in ("0", "-1", "91", "many", "1.5", "٣", "9" * 20):
        wrong = home.owner.get(page, days=days)
        assert wrong.status_code == 422, days
        assert "There is a problem" in wrong.text
    asked = home.owner.get(page, days="3")
    assert asked.status_code == 303
    back = urlsplit(asked.headers["location"])
    assert (back.path, parse_qs(back.query)) == ("/confirm", {"next": [f"{page}?days=3"]})
    assert home.owner.post(page, {"days": "3"}).headers["location"].startswith("/confirm?")
    assert "Kept for 90 days, as the maker says." in look(home)
    confirm(home)
    said = text_of(home.owner.get(page, days="3"))
    assert "Keep it for 3 days? 2 records from before 9 Nov 2026 go now, for good." in said
    assert "nothing goes now" in text_of(home.owner.get(page, days="80"))
    assert home.owner.post(page, {"days": "91"}).status_code == 422
    said = act(home, "keep/place", days="3")
    assert "Kept for 3 days, as you chose; the maker would keep it for 90." in said
    home.later(HOUR)
    assert "Kept for 90 days, as the maker says." in act(home, "keep/place", days="")
    assert "Kept until you erase it." in text_of(home.owner.get(f"/objects/{home.jeans}/keep/wash"))


def test_erasing_days_of_the_owners_own_zone(home: Home) -> None:  # noqa: F811
    home.owner.post("/security/zone", {"zone": "Pacific/Auckland"})  # thirteen hours ahead
    page = f"/objects/{home.jeans}/erase"
    times = ("2026-11-09T10:30:00Z", "2026-11-09T11:30:00Z", "2026-11-10T10:59:59.999999Z")
    home.send(*[home.wash() | {"at": at} for at in (*times, "2026-11-10T11:00:00Z")])
    choice = {"stream": "wash", "from_on": "2026-11-10", "to_on": "2026-11-10"}
    assert "Choose what; you then see how many records go." in text_of(home.owner.get(page))
    assert home.owner.get(page, look="1", **choice).headers["location"].startswith("/confirm?")
    assert home.owner.post(page, choice).headers["location"].startswith("/confirm?")
    confirm(home)
    said = text_of(home.owner.get(page, look="1", **choice))
    assert "Erase 2 records?" in said
    assert "What Wash Of which time 10 Nov 2026 Records 2" in said
    said = act(home, "erase", **choice)
    assert "2 records are gone." in said
    assert "Wash 10 Nov 2026 2 You erased it Being finished" in said
    assert "Nothing is recorded there." in text_of(home.owner.get(page, look="1", **choice))
    assert "There was nothing there." in act(home, "erase", **choice)
    everything = text_of(home.owner.get(page, look="1"))
    assert "What Everything it records Of which time From first to last Records 2" in everything
    assert "2 records are gone." in act(home, "erase")
    assert home.call("GET", "records", home.token()).json()["records"] == []


def test_a_wrong_choice_is_shown_and_erases_nothing(home: Home) -> None:  # noqa: F811
    home.send(home.wash())
    confirm(home)
    page = f"/objects/{home.jeans}/erase"
    for choice in (
        {"stream": "nothing"},
        {"from_on": "soon"},
        {"to_on": "2026-13-01"},
        {"from_on": "0001-01-01"},
        {"to_on": "9999-12-31"},
        {"from_on": "2026-11-10", "to_on": "2026-11-09"},
    ):
        for answer in (home.owner.get(page, look="1", **choice), home.owner.post(page, choice)):
            assert answer.status_code == 422, choice
            assert "There is a problem" in answer.text
    assert "What was removed" not in look(home)


def test_what_never_came_stands_on_the_page(home: Home) -> None:  # noqa: F811
    home.send(*[home.wash(n * HOUR, sequence=n, epoch="a") for n in (1, 2, 5, 9)])
    assert "Wash 5 records between number 1 and 9: 3 to 4, 6 to 8" in look(home)


def test_nobody_else_gets_there(home: Home) -> None:  # noqa: F811
    confirm(home)
    for thing in (home.theirs, new_id(), "nonsense"):
        for path in ("keep/wash", "erase"):
            assert home.owner.get(f"/objects/{thing}/{path}").status_code == 404
        for path in ("pause", "resume", "keep/wash", "erase"):
            assert home.owner.post(f"/objects/{thing}/{path}").status_code == 404
    for path in ("keep/nothing", f"keep/{'x' * 300}"):
        assert home.owner.get(f"/objects/{home.jeans}/{path}").status_code == 404
    for path in ("pause", "resume"):
        form = {"stream": "nothing"}
        assert home.owner.post(f"/objects/{home.jeans}/{path}", form).status_code == 404


def test_everybody_is_told_how_long_before_they_have_it(home: Home) -> None:  # noqa: F811
    get = home.story.api.get
    product = get(f"/v1/objects/{home.jeans}", headers=home.maker).json()["product_id"]
    said = text_of(get(f"/p/{product}"))
    kept = "90 days, then it is removed for good. Its owner can make that shorter."
    assert said.count(kept) == 1
    assert said.count("Until its owner erases it.") == 3
    shown = get(f"/v1/public/products/{product}").json()["streams"]
    assert [one["keep_days"] for one in shown] == [None, None, None, 90]
    code = home.story.mint(home.maker, product, "SL-7")["claim_code"]
    page = home.owner.post("/claim", {"code": code}).headers["location"]
    assert kept in text_of(home.owner.get(page))
