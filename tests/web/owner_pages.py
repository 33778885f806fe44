"""Each page of an owner with a context to draw it with."""

from datetime import date
from types import SimpleNamespace as N

from app.consent.precision import EXACT
from app.terms.ceilings import CLOSED, Excess
from app.terms.roster import SERVICE, newest
from app.terms.service import DEFAULT_TERMS, Difference
from app.web import terms_words, words
from app.web.consent_parts import how_options, where_options
from app.web.plots.small import tape
from app.web.terms_form import form_of
from tests.web.samples import (
    NOW,
    OBJ,
    RECORDING,
    RESTING,
    STREAMS,
    F,
    R,
    d,
    frame,
    plots,
    week,
)

KEEPS = [N(id="g1", on="4 Nov 2026"), N(id="g2", on="1 Sept 2026")]


HELD = {"title": "The service, and nothing else", "page": "/agreements/SD-BASE?version=1"}
MORE = N(title="The service, and learning from it", page="/agreements/SD-BASE-A?version=1")


def answered_by(held, *, is_short=False):
    """The request of a vendor that does not accept the owner's own agreement."""
    own = N(**HELD)
    return consent({}) | {"agreement": N(own=own, held=held, is_own=False, is_short=is_short)}


def happened(kind, name, permission_id):
    said = words.security_event(kind, name)
    return N(
        at=d(-1),
        title=said.title,
        note=said.note,
        alarming=said.is_alarming,
        permission_id=permission_id,
    )


def chosen_of(options, name, value):
    """A choice of how exactly, as the consent page takes it."""
    return N(options=[(f"{name}:{key}", text) for key, text in options], value=f"{name}:{value}")


def wish(category, streams, why="", needed=False, **more):
    told = {
        "name": category,
        "category": category,
        "why": why,
        "needed": needed,
        "news": "",
        "above": [],
        "how": chosen_of(how_options(EXACT), more.get("name", category), "exact"),
        "where": None,
    }
    return N(**(told | {"ticked": needed, "streams": streams} | more))


USAGE = wish("usage", ["Wear"], "Without wear we cannot say when a seam gives in.", True)
CONDITION = wish("condition", ["Seams", "Battery"], "Faults tell us which part to order.", True)
CARE = wish("care", ["Washes"], "Wash temperature makes the estimate better.")
LOCATION = wish(
    "location",
    ["Places"],
    above=["as exactly as it is recorded. Your limit: by the day."],
    how=chosen_of(how_options(EXACT), "location", "day"),
    where=chosen_of(where_options(EXACT), "location", "10 km"),
)


def part(number, *kinds, object="", borders=(), to=None):
    return N(
        number=number,
        to=to,
        object=object,
        borders=list(borders),
        needed=[one for one in kinds if one.needed],
        optional=[one for one in kinds if not one.needed],
    )


def exact_consent():
    """One object by its name for a while, and any other: each with borders of its own."""
    told = consent({})
    told["parts"] = [
        part(
            0,
            USAGE,
            object="Straight Leg, connected",
            to=date(2026, 11, 8),
            borders=[
                "What is recorded from 1 Nov 2026, 00:00 to 8 Nov 2026, 00:00.",
                "Read once, and not again.",
                "They say that they keep it for 30 days.",
            ],
        ),
        part(1, wish("care", ["Washes"], name="1.care"), borders=["Read at most 4 times a day."]),
    ]
    return told


def changing_consent(adds):
    told = consent({})
    told["change"] = N(adds=adds, id="g1", on="4 Nov 2026")
    told["before"] = [
        N(
            object="Straight Leg, connected",
            kinds=[N(label="How you use it", borders=["Until 3 Feb 2027."])],
        )
    ]
    news = "New: you have not given this before."
    told["parts"] = (
        [part(0, wish("care", ["Washes"], news=news))]
        if adds
        else [part(0, wish("usage", ["Wear"], news="As you gave it before."))]
    )
    return told


def nothing_to_give(adds):
    told = changing_consent(adds) if adds else consent({})
    return told | {"parts": [], "objects": []}


def closed(state, **more):
    told = {"state": state, "vendor": "Mend & Co", "keeps": [], "permission_id": None}
    return frame("/consent/r1", **(told | {"back": "", "ticket": "r1"} | more))


def consent(errors, keeps=()):
    return {
        "asked": N(id="r1", closes_at=d(1), redirect_host="mendandco.example"),
        "history_earliest": date(2026, 5, 1),
        "replaces": [],
        "vendor": N(name="Mend & Co", domain="mendandco.example", verified=True, own=False),
        "purpose": N(
            text="We look at wear to tell you when a repair pays off.", kind="Repair advice"
        ),
        "objects": [
            N(id="0b1", name="Straight Leg, connected", maker="Big Denim", ticked=True),
            N(id="0b2", name="Trucker Jacket", maker="Big Denim", ticked=False),
        ],
        "parts": [part(0, USAGE, CONDITION, CARE, LOCATION)],
        "agreement": N(own=N(**HELD), held=N(**HELD), is_own=True, is_short=False),
        "change": None,
        "before": [],
        "history": N(choice="today", asked_from=date(2026, 5, 1)),
        "until": N(
            value=date(2027, 11, 21),
            earliest=date(2026, 11, 24),
            latest=date(2027, 11, 21),
            ends="day",
        ),
        "legal": N(basis="contract", text="Our repair subscription, section 3."),
        "keeps": keeps,
        "overdue": 0,
        "errors": errors,
    }


def own_consent():
    """What an app of the owner's own asks."""
    told = consent({})
    told["vendor"] = N(name="Yourself: Home", domain="", verified=False, own=True)
    kinds = [N(**(vars(k) | {"why": "", "needed": False})) for k in (USAGE, CONDITION, CARE)]
    told["parts"], told["until"].ends = [part(0, *kinds)], "open"
    told["agreement"] = None
    return told


REMINDERS = [N(id="g7", vendor="Yourself: Home", days=91)]


def perm(id="g1", **k):
    base = {
        "id": id,
        "vendor": "Mend & Co",
        "purpose": "Repair advice",
        "objects": ["Straight Leg, connected"],
        "categories": ["usage", "condition"],
        "status": "active",
        "until": d(200),
        "ended_at": None,
        "read_at": d(0, -3),
    }
    return N(**(base | k))


def entry(**k):
    base = {
        "at": d(0, -1),
        "vendor": "Mend & Co",
        "permission_id": "g1",
        "object_name": "Straight Leg, connected",
        "taking": "",
        "streams": ["Wear", "Seams"],
        "window": "1 to 23 Nov 2026",
        "records": 100,
        "given": True,
        "rule": "",
        "times": 1,
    }
    return N(**(base | k))


CLAIM = {
    "claim": N(
        id="c1",
        name="Straight Leg, connected",
        used_by="me",
        since="today",
        since_on=date(2026, 11, 1),
    ),
    "product": N(id="p1", name="Straight Leg, connected", kind="jeans", maker="Big Denim"),
    "streams": STREAMS,
    "required_by_law": [],
    "earliest": date(2026, 10, 24),
    "today": F.today(),
}
THING = N(id="0b1", name="Straight Leg, connected", maker="Big Denim")
KEEP = {
    "object": THING,
    "stream": N(name="place", title="Places"),
    "kept": "Kept for 90 days, as the maker says",
    "by_product": 90,
    "is_chosen": True,
    "days": "90",
    "longest": 90,
    "look": None,
    "errors": {},
}
ERASE = {
    "object": THING,
    "streams": [("wear", "Wear"), ("place", "Places")],
    "part": N(stream="place", from_on="2026-11-01", to_on="2026-11-03"),
    "earliest": date(2026, 8, 1),
    "today": F.today(),
    "look": None,
    "errors": {},
}
EXPORT = {
    "id": "e1",
    "object_id": "0b1",
    "object_name": "Straight Leg, connected",
    "status": "running",
    "percent": 52,
    "said": "Writing records, 1,200 of 2,310",
    "size": 482331,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "file_name": "straight-leg-2026-11-23.zip",
    "expires_at": d(7),
    "problem": "",
    "at": d(0, -1),
}
SECURITY = {
    "passkeys": [
        N(id="k1", name="Phone", added_at=d(-110), last_used_at=d(0, -4), synced=True),
        N(id="k2", name="Key on the ring", added_at=d(-20), last_used_at=None, synced=False),
    ],
    "sessions": [
        N(
            id="s1",
            device="Firefox on Linux",
            method="passkey",
            place="192.0.2.0",
            created_at=d(-3),
            seen_at=NOW,
            is_current=True,
        ),
        N(
            id="s2",
            device="Safari on iPhone",
            method="e-mail link",
            place="",
            created_at=d(-9),
            seen_at=d(-1),
            is_current=False,
        ),
    ],
    "recovery": N(left=8, made_at=d(-100)),
    "email": "owner@mail.example",
    "typed_email": "",
    "name": "Owner",
    "zones": [("Europe/Berlin", "Berlin, UTC+1"), ("UTC", "UTC")],
    "zone": "Europe/Berlin",
    "tokens": [
        N(
            id="t1",
            name="Sheet at home",
            may="read",
            objects=["Straight Leg, connected"],
            until=d(80),
            used_at=d(-1),
            is_live=True,
        ),
        N(
            id="t2",
            name="Old script",
            may="read and make copies",
            objects=[],
            until=d(-8),
            used_at=None,
            is_live=False,
        ),
    ],
    "token_form": N(
        name="",
        scopes=[],
        objects=[],
        until=date(2027, 2, 21),
        earliest=date(2026, 11, 24),
        latest=date(2027, 11, 23),
    ),
    "scopes": [
        ("own:read", "Read", "Your objects and their logs."),
        ("own:export", "Make copies", "Of everything."),
    ],
    "objects": [("0b1", "Straight Leg, connected"), ("0b2", "Trucker Jacket")],
    "apps": [
        N(
            id="yourself-home-1",
            name="Home",
            created_at=d(-91),
            used_at=d(0, -1),
            permissions=[N(id="g7", on=d(-91), until=None, read_at=d(0, -1))],
        ),
        N(id="yourself-script-2", name="Script", created_at=d(-1), used_at=None, permissions=[]),
    ],
    "app_form": N(name="", redirects="", scopes=[], kind="confidential"),
    "app_scopes": [(f"{name}:read", kind) for name, kind in words.KINDS.items()],
    "errors": {},
}


def own_app(secret="", **changes):
    app = {
        "id": "yourself-home-1",
        "name": "Home",
        "public": False,
        "redirects": ["http://localhost:8123/callback", "https://home.example/callback"],
        "scope": "usage:read care:read",
        "kinds": ["use", "care"],
        "created_at": d(-91),
    }
    origin = "https://inseam.example"
    return {
        "app": N(**(app | changes)),
        "secret": secret,
        "addresses": N(
            authorize=f"{origin}/oauth/authorize",
            token=f"{origin}/oauth/token",
            issuer=origin,
            data=f"{origin}/v1/data/objects",
        ),
        "permissions": [] if secret else [N(id="g7", on=d(-91), until=None, read_at=None)],
    }


TRIED = [
    N(
        vendor="Second Seam",
        purpose="To offer you a fair price for it.",
        at=d(0, -5),
        outcome=terms_words.OUTCOMES["marked"],
        said=[
            terms_words.excess(one)
            for one in (
                Excess("precision", "location", "exact", "day"),
                Excess("history_days", "location", None, 0),
            )
        ],
    ),
    N(
        vendor="Mend & Co",
        purpose="We look at wear to tell you when a repair pays off.",
        at=d(-30),
        outcome=terms_words.OUTCOMES["fits"],
        said=[],
    ),
]


def terms(exceptions=(), refuses=False, errors=()):
    chosen = DEFAULT_TERMS.agreement
    return {
        "version": 2,
        "agreements": [
            N(value=one.id, title=one.title, note=" ".join(one.says[1:-1]), is_chosen=number == 0)
            for number, one in enumerate(newest(SERVICE))
            if not one.hands_over
        ],
        "agreement": N(title=chosen.title, page=f"/agreements/{chosen.id}?version=1"),
        "hands_over": True,
        "refuses": refuses,
        "limits": [
            N(kind=kind, said=terms_words.limit(kind, one))
            for kind, one in DEFAULT_TERMS.ceilings.categories.items()
        ],
        "exceptions": [
            N(
                kind=kind,
                group=group,
                title=terms_words.subject(kind, group),
                said=terms_words.limit(kind, CLOSED),
            )
            for kind, group in exceptions
        ],
        "groups": list(terms_words.GROUPS.items()),
        "tried": TRIED if exceptions else [],
        "versions": [
            N(
                number=2,
                at=d(-2),
                said=[
                    terms_words.difference(one)
                    for one in (
                        Difference("precision", "exact", "day", "usage"),
                        Difference("exception", None, CLOSED, "usage", "marketing"),
                        Difference("refuses_unasked", False, True),
                    )
                ],
            ),
            N(number=1, at=d(-90), said=[]),
        ],
        "errors": dict(errors),
    }


def terms_limit(kind, group="", errors=(), tried=None):
    return {
        "version": 2,
        "kind": kind,
        "group": group,
        "title": terms_words.subject(kind, group),
        "is_exception": bool(group),
        "form": form_of(CLOSED),
        "precisions": list(terms_words.PRECISIONS.items()),
        "places": list(terms_words.PLACES.items()),
        "periods": list(terms_words.PERIODS.items()),
        "tried": tried,
        "errors": dict(errors),
    }


def home_objects():
    return [
        N(
            id="0b1",
            name="Straight Leg, connected",
            product_name="Straight Leg, connected",
            product_kind="jeans",
            maker="Big Denim",
            last_heard=d(0, -2),
            week=week(),
            week_words="Worn on 5 days, 31 h 20 min",
            readers=1,
        ),
        N(
            id="0b2",
            name="Trucker Jacket",
            product_name="Trucker Jacket",
            product_kind="jacket",
            maker="Big Denim",
            last_heard=d(-2),
            week=week(),
            week_words="Worn on 2 days, 6 h",
            readers=0,
        ),
        N(
            id="0b3",
            name="The machine in the cellar",
            product_name="Front Loader 7",
            product_kind="washing machine",
            maker="Waschwerk",
            last_heard=None,
            week="",
            week_words="Nothing this week",
            readers=0,
        ),
    ]


def permission():
    return frame(
        "/permissions/g1",
        reminders=[],
        permission=N(
            own=False,
            id="g1",
            vendor="Mend & Co",
            domain="mendandco.example",
            verified=True,
            status="active",
            is_live=True,
            purpose="We look at wear to tell you when a repair pays off.",
            purpose_kind="Repair advice",
            legal_basis="contract",
            legal_text="",
            since=d(-100),
            until=d(265),
            ended_at=None,
        ),
        details=[
            N(
                object_id="0b1",
                object_name="Straight Leg, connected",
                history_from=date(2026, 8, 15),
                kinds=[
                    N(
                        category="usage",
                        streams=["Wear"],
                        borders=["What is recorded until 8 Nov 2026, 00:00."],
                        limits={
                            "count": 1000,
                            "frequency": {"count": 4, "per": "day"},
                            "used": 312,
                        },
                        keeps="P30D",
                    ),
                    N(
                        category="condition",
                        streams=["Seams", "Battery"],
                        borders=[],
                        limits=None,
                        keeps=None,
                    ),
                ],
            )
        ],
        owed=None,
        agreement=N(**HELD, signed_at=None),
        receipts=[N(number=1, what="given", at=d(-100)), N(number=2, what="changed", at=d(-20))],
        tape=tape("100 of 365 days have passed", d(-100), d(265), NOW),
        reads=N(total=48, records=3120, last_at=d(0, -3)),
        versions=[
            N(number=2, at=d(-20), what="You took out Where it is."),
            N(number=1, at=d(-100), what="You allowed it."),
        ],
    )


def receipt(event, valid, **more):
    told = N(
        number=2,
        id="urn:uuid:7b0f2f5e-2c0e-5a5e-9f5b-6f1d2d7f4c11",
        event=event,
        valid=valid,
        at=d(-20),
        until=d(265),
        vendor="Mend & Co",
        client="mend-and-co-9f2c41d07ab3",
        contact="data@mendandco.example",
        notice="We look at wear to tell you when a repair pays off.",
        basis="contract",
        keeps="P30D",
        where="FR",
        kinds=["How you use it", "What state it is in"],
        agreement="The service, and nothing else, with your data on request",
        before="sha256:" + "0a" * 32,
        hash="sha256:" + "b1" * 32,
    )
    vars(told).update(more)
    return frame("/permissions/g1/receipts/2", receipt=told, permission_id="g1")


def unasked(vendor, **more):
    said = ["Where it is: as far back as it goes. Your limit: nothing from before they ask."]
    told = {"vendor": vendor, "client_id": vendor.casefold(), "at": d(-1), "said": said}
    return N(**(told | {"is_lifted": False, "is_barred": False} | more))


def owing(state, **more):
    told = permission()
    told["permission"].status, told["permission"].is_live = "revoked", False
    told["permission"].ended_at = d(-40)
    owed = {"state": state, "due": d(-10), "ordered": False, "statement": "", "at": None}
    return told | {"owed": N(**(owed | more))}


PAGES = {
    "home": (
        "owner/home.html",
        frame(
            "/home",
            flashes=[("good", "The permission of Mend & Co ended. Nothing more can leave.")],
            objects=home_objects(),
            readers_text=words.readers_sentence(1, ["Mend & Co"]),
            next_expiry=N(id="g1", vendor="Mend & Co", until=d(9)),
            requests=[
                N(
                    id="r1",
                    vendor="Second Seam",
                    purpose="To offer you a fair price for it.",
                    at=d(0, -5),
                )
            ],
            way_in="email",
            reminders=REMINDERS,
        ),
    ),
    "home-empty": (
        "owner/home.html",
        frame(
            "/home",
            objects=[],
            readers_text="",
            next_expiry=None,
            requests=[],
            way_in="",
            reminders=[],
        ),
    ),
    "claim": ("owner/claim.html", frame("/claim", code="", errors={})),
    "claim-look": ("owner/claim_look.html", frame("/claim/c1", errors={}, **CLAIM)),
    "claim-done": ("owner/claim_done.html", frame("/claim/c1/done", state="claimed", object=OBJ)),
    "claim-taken": ("owner/claim_done.html", frame("/claim/c1/done", state="taken", object=None)),
    "object": (
        "owner/object.html",
        frame(
            "/objects/0b1",
            object=OBJ,
            period="month",
            range=N(
                label="25 October to 23 November",
                on=date(2026, 11, 23),
                before=date(2026, 10, 23),
                after=None,
            ),
            plots=plots("month"),
            readers=[
                N(
                    grant_id="g1",
                    vendor="Mend & Co",
                    categories=["usage", "condition"],
                    until=d(200),
                )
            ],
            latest=N(
                columns=["Time", "Stream", "Value"],
                rows=[
                    [
                        F.moment(d(0, -i)),
                        "Wear",
                        f"{R.randint(200, 900)} steps, {R.randint(5, 59)} min",
                    ]
                    for i in range(12)
                ],
            ),
            recording=RECORDING,
        ),
    ),
    "object-year": (
        "owner/object.html",
        frame(
            "/objects/0b1",
            object=OBJ,
            period="year",
            range=N(
                label="24 Nov 2025 to 23 Nov 2026",
                on=date(2026, 11, 23),
                before=date(2025, 11, 23),
                after=None,
            ),
            plots=plots("year")[:1],
            readers=[],
            latest=N(columns=[], rows=[]),
            recording=RESTING,
        ),
    ),
    "keep": ("owner/keep.html", frame("/objects/0b1/keep/place", **KEEP)),
    "keep-error": (
        "owner/keep.html",
        frame(
            "/objects/0b1/keep/place",
            **(KEEP | {"errors": {"days": "The maker keeps it for 90 days at most."}}),
        ),
    ),
    "keep-look": (
        "owner/keep.html",
        frame(
            "/objects/0b1/keep/place",
            **(KEEP | {"look": N(days=30, count=1204, before=d(-30))}),
        ),
    ),
    "erase": ("owner/erase.html", frame("/objects/0b1/erase", **ERASE)),
    "erase-error": (
        "owner/erase.html",
        frame(
            "/objects/0b1/erase",
            **(ERASE | {"errors": {"to-on": "The last day lies before the first."}}),
        ),
    ),
    "erase-look": (
        "owner/erase.html",
        frame(
            "/objects/0b1/erase",
            **(ERASE | {"look": N(count=1204, what="Places", when="1 Nov 2026 to 3 Nov 2026")}),
        ),
    ),
    "erase-nothing": (
        "owner/erase.html",
        frame(
            "/objects/0b1/erase",
            **(ERASE | {"look": N(count=0, what="Places", when="From first to last")}),
        ),
    ),
    "requests": (
        "owner/requests.html",
        frame(
            "/requests",
            waiting=[
                N(
                    id="r1",
                    vendor="Second Seam",
                    domain="secondseam.example",
                    verified=False,
                    purpose="To offer you a fair price for it.",
                    at=d(0, -5),
                    closes_at=d(0, 7),
                )
            ],
            answered=[
                N(vendor="Mend & Co", at=d(-30), status="allowed", permission_id="g1"),
                N(vendor="Snoop Ltd", at=d(-31), status="refused", permission_id=None),
                N(vendor="Slow Inc", at=d(-40), status="expired", permission_id=None),
            ],
            unasked=[],
        ),
    ),
    "requests-empty": (
        "owner/requests.html",
        frame("/requests", waiting=[], answered=[], unasked=[]),
    ),
    "requests-unasked": (
        "owner/requests.html",
        frame(
            "/requests",
            waiting=[],
            answered=[],
            unasked=[
                unasked("Mend & Co"),
                unasked("Lint Ltd", is_lifted=True),
                unasked("Great Gate", is_barred=True),
            ],
        ),
    ),
    "consent": ("owner/consent.html", frame("/consent/r1", **consent({}))),
    "consent-own": ("owner/consent.html", frame("/consent/r1", **own_consent())),
    "consent-other": ("owner/consent.html", frame("/consent/r1", **answered_by(MORE))),
    "consent-short": (
        "owner/consent.html",
        frame("/consent/r1", **answered_by(MORE, is_short=True)),
    ),
    "consent-none": (
        "owner/consent.html",
        frame("/consent/r1", **answered_by(None, is_short=True)),
    ),
    "consent-again": ("owner/consent.html", frame("/consent/r1", **consent({}, KEEPS))),
    "consent-exact": ("owner/consent.html", frame("/consent/r1", **exact_consent())),
    "consent-adds": ("owner/consent.html", frame("/consent/r1", **changing_consent(True))),
    "consent-changes": ("owner/consent.html", frame("/consent/r1", **changing_consent(False))),
    "consent-nothing": ("owner/consent.html", frame("/consent/r1", **nothing_to_give(False))),
    "consent-nothing-new": ("owner/consent.html", frame("/consent/r1", **nothing_to_give(True))),
    "consent-error": (
        "owner/consent.html",
        frame(
            "/consent/r1",
            **consent(
                {
                    "objects": "Tick at least one object, or press Don’t allow.",
                    "until": "This day is too late.",
                }
            ),
        ),
    ),
    "device": ("owner/device.html", frame("/device", code="", errors={})),
    "device-filled": ("owner/device.html", frame("/device", code="WDJB-MJHT", errors={})),
    "device-wrong": (
        "owner/device.html",
        frame(
            "/device",
            code="AAAA-BBBB",
            errors={"user-code": "There is no such code now. Codes run out after some minutes."},
        ),
    ),
    "device-allowed": (
        "owner/device_done.html",
        frame("/device/0a1b", vendor="Mend & Co", permission_id="p1"),
    ),
    "device-refused": (
        "owner/device_done.html",
        frame("/device/0a1b", vendor="Mend & Co", permission_id=None),
    ),
    "consent-used": ("owner/consent_result.html", closed("used")),
    "consent-gone": ("owner/consent_result.html", closed("gone")),
    "consent-expired": ("owner/consent_result.html", closed("expired")),
    "consent-not-yours": ("owner/consent_result.html", closed("not_yours", vendor="")),
    "consent-refused": (
        "owner/consent_result.html",
        closed("refused", keeps=KEEPS, back="https://mendandco.example/"),
    ),
    "consent-allowed": ("owner/consent_result.html", closed("allowed", permission_id="g1")),
    "terms": ("owner/terms.html", frame("/terms", **terms())),
    "terms-full": (
        "owner/terms.html",
        frame("/terms", **terms([("usage", "marketing"), ("location", "research")], True)),
    ),
    "terms-error": (
        "owner/terms.html",
        frame("/terms", **terms(errors={"agreement": "Choose one of these agreements."})),
    ),
    "terms-limit": ("owner/terms_limit.html", frame("/terms/limits", **terms_limit("location"))),
    "terms-limit-identity": (
        "owner/terms_limit.html",
        frame("/terms/limits", **terms_limit("identity")),
    ),
    "terms-limit-tried": (
        "owner/terms_limit.html",
        frame("/terms/limits", **terms_limit("usage", "marketing", tried=TRIED)),
    ),
    "terms-limit-error": (
        "owner/terms_limit.html",
        frame(
            "/terms/limits",
            **terms_limit(
                "location",
                errors={
                    name.replace("_", "-").replace("frequency", "times"): said
                    for name, said in terms_words.MISTAKES.items()
                },
            ),
        ),
    ),
    "permissions": (
        "owner/permissions.html",
        frame(
            "/permissions",
            reminders=REMINDERS,
            expiring=[
                perm(
                    vendor="Threadbare Insurance",
                    until=d(9),
                    categories=["usage", "location"],
                    objects=["Straight Leg, connected", "Trucker Jacket"],
                )
            ],
            active=[perm(), perm("g2", vendor="Big Denim", categories=["condition"], read_at=None)],
            paused=[perm("g5", vendor="Slow App", status="paused")],
            ended=[
                perm("g3", vendor="Second Seam", status="revoked", ended_at=d(-12)),
                perm("g4", vendor="Old App", status="expired"),
            ],
        ),
    ),
    "permission": ("owner/permission.html", permission()),
    "permission-signed": (
        "owner/permission.html",
        permission() | {"agreement": N(**HELD, signed_at=d(-2))},
    ),
    "receipt": ("owner/receipt.html", receipt("given", True)),
    "receipt-last": (
        "owner/receipt.html",
        receipt("revoked", False, keeps="Not stated by the recipient", agreement=None, before=None),
    ),
    "permission-bare": ("owner/permission.html", permission() | {"agreement": None}),
    "permission-owed": ("owner/permission.html", owing("overdue", ordered=False)),
    "permission-ordered": ("owner/permission.html", owing("open", ordered=True)),
    "permission-kept": (
        "owner/permission.html",
        owing("kept", ordered=True, statement="Invoices, ten years.", at=d(-1)),
    ),
    "permission-erased": ("owner/permission.html", owing("erased", ordered=True, at=d(-1))),
    "history": (
        "owner/history.html",
        frame(
            "/history",
            entries=[
                entry(),
                entry(
                    at=d(0, -2),
                    vendor="Big Denim",
                    permission_id=None,
                    streams=["Wear"],
                    given=False,
                    rule="no-grant",
                    times=14,
                    window="",
                    records=0,
                ),
                entry(at=d(0, -3), records=1),
                entry(at=d(-1), streams=[], records=2, object_name=None),
                entry(
                    at=d(-2),
                    vendor="Second Seam",
                    permission_id="g3",
                    given=False,
                    rule="grant-revoked",
                ),
            ],
            filters=N(
                objects=[("0b1", "Straight Leg, connected")],
                vendors=[("v1", "Mend & Co")],
                object="",
                vendor="",
                permission="",
            ),
            totals=[
                N(reader="Mend & Co", read=12, looked=3, copied=0, refused=0, records=1240),
                N(reader="Big Denim", read=0, looked=0, copied=2, refused=14, records=0),
            ],
            newer="",
            older="/history?after=x",
        ),
    ),
    "security_log": (
        "owner/security_log.html",
        frame(
            "/security/log",
            entries=[
                happened("token-reused", "Mend & Co", "g1"),
                happened("grant-given", "Mend & Co", "g1"),
                happened("new-client", "Mend & Co", None),
                happened("passkey-added", "Firefox on Linux", None),
            ],
            newer="",
            older="/security/log?after=x",
        ),
    ),
    "security_log_empty": (
        "owner/security_log.html",
        frame("/security/log", entries=[], newer="", older=""),
    ),
    "exports": (
        "owner/exports.html",
        frame(
            "/exports",
            objects=[("0b1", "Straight Leg, connected"), ("0b2", "Trucker Jacket")],
            exports=[
                N(**EXPORT),
                N(**(EXPORT | {"id": "e2", "status": "done", "at": d(-3)})),
                N(**(EXPORT | {"id": "e3", "status": "failed", "at": d(-4)})),
            ],
        ),
    ),
    "export-running": ("owner/export.html", frame("/exports/e1", export=N(**EXPORT), files=[])),
    "export-done": (
        "owner/export.html",
        frame(
            "/exports/e2",
            export=N(**(EXPORT | {"status": "done"})),
            files=[
                N(
                    name="records.ndjson",
                    size=390211,
                    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                ),
                N(
                    name="manifest.json",
                    size=2311,
                    sha256="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
                ),
            ],
        ),
    ),
    "app": ("owner/app.html", frame("/security/apps/1", **own_app())),
    "app-new": ("owner/app.html", frame("/security/apps/1", **own_app("inseam_cs_" + "x" * 43))),
    "app-public": ("owner/app.html", frame("/security/apps/1", **own_app(public=True))),
    "security": ("owner/security.html", frame("/security", **SECURITY)),
    "security-error": (
        "owner/security.html",
        frame(
            "/security",
            **(
                SECURITY
                | {
                    "errors": {
                        "token-name": "Give it a name.",
                        "token-scopes": "Tick at least one.",
                    }
                }
            ),
        ),
    ),
    "recovery": (
        "owner/secret.html",
        frame(
            "/security/recovery",
            secret=N(kind="recovery", values=[f"K7Q{i}-9MFT-22X{i}" for i in range(10)], name=""),
        ),
    ),
    "token": (
        "owner/secret.html",
        frame(
            "/security/tokens/new",
            secret=N(
                kind="token",
                values=["inseam_pat_8Zx1Qw0n3Jr5Tt7Yc9Vb2Lm4Kp6Sd8Fg"],
                name="Sheet at home",
            ),
        ),
    ),
}
