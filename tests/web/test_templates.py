"""Every template drawn with a believable context: well formed, accessible in structure, inert."""

import re
from html.parser import HTMLParser

import pytest

from app.web import words
from app.web.assets import load_assets
from app.web.environment import TEMPLATES_DIR, make_environment
from tests.web import owner_pages, public_pages, samples

ASSETS = load_assets()
ENVIRONMENT = make_environment(ASSETS)
PAGES = public_pages.PAGES | owner_pages.PAGES
VOID = {"meta", "link", "input", "br"}
EVIL = "<script>alert('x')</script>\"'&"


class Reader(HTMLParser):
    """Collects what the checks ask for, and fails on tags that do not close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        assert len(told) == len(attrs), f"an attribute stands twice in <{tag}>"
        self.tags.append((tag, told))
        if told.get("id"):
            self.ids.append(str(told["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def of(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]


def draw(name: str, **more: object) -> str:
    template, context = PAGES[name]
    return ENVIRONMENT.get_template(template).render(**context | more)


@pytest.fixture(params=sorted(PAGES), scope="module")
def page(request: pytest.FixtureRequest) -> Reader:
    return Reader(draw(request.param))


def test_ids_are_unique(page: Reader) -> None:
    assert len(page.ids) == len(set(page.ids))


def test_references_lead_to_ids(page: Reader) -> None:
    names = ("for", "aria-describedby", "aria-labelledby", "popovertarget")
    for _, attrs in page.tags:
        for name in names:
            for target in (attrs.get(name) or "").split():
                assert target in page.ids
        href = attrs.get("href") or ""
        if href.startswith("#"):
            assert href[1:] in page.ids


def test_every_field_has_a_label(page: Reader) -> None:
    labelled = {attrs["for"] for attrs in page.of("label")}
    for attrs in page.of("input", "select", "textarea"):
        assert attrs.get("type") == "hidden" or attrs["id"] in labelled


def test_one_heading_of_first_order(page: Reader) -> None:
    assert len(page.of("h1")) == 1


def test_content_security_policy_has_nothing_to_block(page: Reader) -> None:
    assert page.of("style") == []
    assert all("src" in attrs for attrs in page.of("script"))
    for tag, attrs in page.tags:
        assert not any(name == "style" or name.startswith("on") for name in attrs), tag


def test_nothing_is_fetched_from_elsewhere(page: Reader) -> None:
    for attrs in page.of("link", "script", "img"):
        address = attrs.get("href") or attrs.get("src") or ""
        assert ASSETS.find(*address.removeprefix("/static/").split("/", 1))


def test_forms_post_to_this_site(page: Reader) -> None:
    for attrs in page.of("form"):
        assert str(attrs["action"]).startswith("/")
        assert attrs["method"] in ("get", "post")


@pytest.mark.parametrize("file", sorted(TEMPLATES_DIR.rglob("*.html")), ids=lambda f: f.stem)
def test_template_says_what_it_takes(file: object) -> None:
    assert file.read_text().startswith("{#")  # type: ignore[attr-defined]


def test_every_page_template_is_drawn_here() -> None:
    pages = {
        str(file.relative_to(TEMPLATES_DIR))
        for folder in ("public", "account", "owner", "errors")
        for file in (TEMPLATES_DIR / folder).glob("*.html")
    }
    assert pages == {template for template, _ in PAGES.values()}


def test_text_of_others_is_inert() -> None:
    context = samples_with_evil_vendor()
    drawn = ENVIRONMENT.get_template("owner/consent.html").render(**context)
    assert "<script>alert" not in drawn
    assert "&lt;script&gt;alert" in drawn
    Reader(drawn)


def samples_with_evil_vendor() -> dict[str, object]:
    _, context = PAGES["consent"]
    vendor = samples.N(name=EVIL, domain=EVIL, verified=False, own=False)
    purpose = samples.N(text=EVIL, kind=EVIL)
    return context | {"vendor": vendor, "purpose": purpose}


def test_consent_buttons_have_the_same_weight() -> None:
    page = Reader(draw("consent"))
    answers = [attrs for attrs in page.of("button") if attrs.get("name") == "answer"]
    assert [a["value"] for a in answers] == ["refuse", "allow"]
    assert answers[0]["class"] == answers[1]["class"]


def test_consent_ticks_nothing_optional() -> None:
    page = Reader(draw("consent"))
    ticked = [a["value"] for a in page.of("input") if "checked" in a and a["name"] == "kind"]
    assert ticked == ["usage", "condition"]


def test_summary_without_script_is_true_whatever_is_ticked() -> None:
    """The server cannot know what will be ticked; the script says it (tests/browser)."""
    box = re.search(r"<consent-summary[^>]*><p[^>]*>(.*?)</p>", draw("consent"), re.DOTALL)
    assert box is not None
    assert box.group(1) == "Mend &amp; Co gets what is ticked when you press Allow."


def test_a_no_says_what_an_earlier_yes_leaves() -> None:
    first, again = draw("consent"), draw("consent-again")
    assert "Mend &amp; Co gets nothing and is told" in first
    assert "keeps what you gave" not in first
    assert "gets nothing and" not in again
    for page in (again, draw("consent-refused")):
        assert "Mend &amp; Co gets nothing new" in page
        assert (
            'keeps what you gave on <a href="/permissions/g1">4 Nov 2026</a> and '
            '<a href="/permissions/g2">1 Sept 2026</a>.'
        ) in page


def test_a_year_has_nothing_recorded_in_its_legend() -> None:
    assert 'heat-none"></span> nothing recorded</p>' in draw("object-year")
    assert words.GAPS not in draw("object-year")
    assert words.GAPS in draw("object")


def test_a_job_reloads_without_script() -> None:
    assert '<noscript><meta http-equiv="refresh"' in draw("export-running")
    assert "http-equiv" not in draw("export-done")


def test_missing_context_is_an_error() -> None:
    with pytest.raises(Exception, match="undefined"):
        ENVIRONMENT.get_template("owner/home.html").render()


def test_pages_stay_light() -> None:
    def total(suffix: str) -> int:
        return sum(len(a.content) for p, a in ASSETS.files.items() if p.endswith(suffix))

    assert total(".css") < 37_000
    assert total(".js") < 15_000


def test_scripts_never_write_markup() -> None:
    for path, asset in ASSETS.files.items():
        if path.endswith(".js"):
            assert not re.search(r"innerHTML|outerHTML|insertAdjacent|eval\(", str(asset.content))


def test_assets_have_one_address_per_content() -> None:
    address = ASSETS.url("js/app.js")
    assert re.fullmatch(r"/static/[0-9a-f]{12}/js/app\.js", address)
    assert ASSETS.find("0" * 12, "js/app.js") is None
    assert ASSETS.find(ASSETS.hash, "../assets.py") is None
    with pytest.raises(KeyError):
        ASSETS.url("js/missing.js")
