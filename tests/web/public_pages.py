"""Each public page, sign-in page and error page with a context to draw it with."""

from types import SimpleNamespace as N

from app.terms.roster import find
from app.web import words
from app.web.agreements import _shown
from tests.web.samples import OBJ, PASSPORT, STREAMS, d, frame

AGREEMENT = _shown(find("SD-BASE-ATP-S3P-DP"))

PAGES = {
    "landing": ("public/landing.html", frame("/", False)),
    "landing-demo": (
        "public/landing.html",
        frame("/", False)
        | {"demo": True, "demo_owners": [N(id="1", name="Owner one"), N(id="2", name="Owner two")]},
    ),
    "about": ("public/about.html", frame("/about", False)),
    "passport": (
        "public/passport.html",
        frame("/o/1", False, object=OBJ, facts=PASSPORT, code="", errors={}),
    ),
    "passport-error": (
        "public/passport.html",
        frame(
            "/o/1",
            False,
            object=OBJ,
            facts=PASSPORT,
            code="WM7K-9Q2F",
            errors={"code": "This code does not work. Check it and try again."},
        ),
    ),
    "product": (
        "public/product.html",
        frame(
            "/p/1",
            False,
            product=N(
                id="p1",
                kind="jeans",
                name="Straight Leg, connected",
                maker="Big Denim",
                gtin="09521234543213",
                article_number=None,
            ),
            facts=PASSPORT,
            streams=STREAMS,
        ),
    ),
    "agreement": ("public/agreement.html", frame("/agreements/x", False, agreement=AGREEMENT)),
    "agreement-legal": (
        "public/agreement_legal.html",
        frame("/agreements/x/legal", False, agreement=AGREEMENT),
    ),
    "problems": (
        "public/problems.html",
        frame(
            "/problems",
            False,
            problems=[
                N(slug="object-unclaimed", title="The object has no owner yet.", status=409),
                N(slug="no-grant", title="There is no permission.", status=404),
            ],
        ),
    ),
    "problem": (
        "public/problem.html",
        frame(
            "/problems/x",
            False,
            problem=N(
                slug="object-unclaimed",
                title="The object has no owner yet.",
                status=409,
                text="Usage is taken only after the claim.\n\nSend it again later.",
                example='{\n  "title": "The object has no owner yet.",\n  "status": 409\n}',
            ),
        ),
    ),
    "sign-in": (
        "account/sign_in.html",
        frame("/sign-in", False, next="/home", email="", errors={}),
    ),
    "sign-in-error": (
        "account/sign_in.html",
        frame(
            "/sign-in",
            False,
            next="/home",
            email="owner",
            errors={
                "email": "This is not an e-mail address.",
                "recovery-code": "This code does not work.",
            },
        ),
    ),
    "create": (
        "account/create.html",
        frame("/create", False, next="/home", name="", email="", errors={}),
    ),
    "sent": ("account/sent.html", frame("/sign-in/sent", False, minutes=15, shows_mail=True)),
    "link": ("account/link.html", frame("/x", False, token="abc", state="ready", is_new=False)),
    "link-used": ("account/link.html", frame("/x", False, token="abc", state="used", is_new=False)),
    "step-up": (
        "account/step_up.html",
        frame(
            "/confirm",
            next="/exports",
            what="make an export",
            has_passkey=True,
            email_hint="o…@mail.example",
            demo_owner="",
        ),
    ),
    "step-up-demo": (
        "account/step_up.html",
        frame(
            "/confirm",
            next="/exports",
            what="make an export",
            has_passkey=False,
            email_hint="",
            demo_owner="d1",
        ),
    ),
    "dev-mail": (
        "account/dev_mail.html",
        frame(
            "/dev/mail",
            False,
            messages=[
                N(
                    id="1",
                    to="owner@mail.example",
                    subject="Your link to sign in",
                    at=d(0, -1),
                    text="Hello,\n\nopen this link within 15 minutes:\nhttps://inseam.example/sign-in/link/abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\n",
                    link="/sign-in/link/abc",
                )
            ],
        ),
    ),
    "error-404": (
        "errors/page.html",
        frame("/nope", False, error=words.error_page(404, "01JD8Z4")),
    ),
    "error-500": ("errors/page.html", frame("/nope", error=words.error_page(500, "01JD8Z4"))),
}
