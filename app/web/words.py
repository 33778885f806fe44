"""Plain words for the domain's values: what a template says instead of a code."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.consent.asked import days_of


@dataclass(frozen=True)
class KindOfData:
    """A category as an owner reads it. `said` stands before “of …”; `strict` is touchier."""

    label: str
    means: str
    said: str
    strict: bool = False


KINDS = {
    "usage": KindOfData(
        "How you use it", "When, how often and how long it is worn or used.", "use"
    ),
    "care": KindOfData("How you look after it", "Washing, cleaning, repairs and service.", "care"),
    "condition": KindOfData(
        "Its condition", "Wear and tear, faults, and what it consumes.", "condition"
    ),
    "environment": KindOfData(
        "Its surroundings", "Temperature, moisture, light and the like.", "surroundings"
    ),
    "location": KindOfData(
        "Where it is",
        "Places it has been, which are often places you have been.",
        "whereabouts",
        True,
    ),
    "body": KindOfData(
        "Your body",
        "Fit, pulse, and anything else measured on a person.",
        "body data",
        True,
    ),
    "identity": KindOfData(
        "Which one it is", "Its serial number and its public addresses.", "serial number"
    ),
}

STATUSES = {
    "requested": ("Waiting for you", "wait"),
    "active": ("Active", "good"),
    "expiring": ("Ends soon", "wait"),
    "paused": ("Paused", "wait"),
    "refused": ("You said no", "off"),
    "revoked": ("Taken back", "off"),
    "ended": ("Ended by them", "off"),
    "expired": ("Ran out", "off"),
    "superseded": ("Replaced", "off"),
    "queued": ("Waiting its turn", "wait"),
    "running": ("Being made", "wait"),
    "done": ("Ready", "good"),
    "failed": ("Did not work", "bad"),
    "cancelled": ("Removed", "off"),
}

LEGAL_BASES = {
    "consent": "your consent",
    "explicit-consent": "your explicit consent",
    "contract": "a contract with you",
    "legal-obligation": "a duty it has by law",
    "legitimate-interest": "an interest of its own that it holds to be legitimate",
    "public-interest": "a task in the public interest",
    "vital-interest": "protecting someone's life",
}

USED_BY = {
    "me": ("Me", "The log is about you."),
    "household": ("My household", "Several people share it, and so does what the log can tell."),
    "child": ("A child in my care", "The log is about the child; you decide for them."),
    "staff": ("People who work for me", "Tell them that it records and what it records."),
}

# What happened, where {} is who or what was involved; and what to know of it.
SECURITY_EVENTS = {
    "token-reused": (
        "A key of {} was used twice",
        "That may be a theft, so all keys of this permission were ended at once. Your permission "
        "stands; {} has to ask you once more before it reads again. If you do not know why, end "
        "the permission.",
    ),
    "new-client": ("{} got a permission of yours for the first time", ""),
    "grant-given": ("You gave {} a permission", ""),
    "grant-changed": ("You changed the permission of {}", ""),
    "grant-kept": ("You said that {} keeps its permission", ""),
    "grant-paused": ("You paused the permission of {}", ""),
    "grant-resumed": ("You resumed the permission of {}", ""),
    "grant-revoked": ("You ended the permission of {}", ""),
    "grant-ended": ("{} gave its permission back", ""),
    "grant-superseded": ("A newer permission took the place of one of {}", ""),
    "grant-expired": ("The permission of {} ran out", ""),
    "erasure-ordered": ("You ordered {} to erase what it read", ""),
    "erasure-erased": ("{} says that it has erased what it read", ""),
    "erasure-kept": ("{} says that it has to keep something that it read", "See the permission."),
    "terms-changed": ("Your terms changed", "What they were before stands there."),
    "request-unasked": (
        "A request of {} was refused without asking you",
        "It asked for more than your terms or the law allow. It stands under Requests.",
    ),
    "app-registered": ("You registered your app {}", ""),
    "app-ended": ("You ended your app {}", ""),
    "key-made": ("You made the access key {}", ""),
    "key-ended": ("You ended the access key {}", ""),
    "passkey-added": ("The passkey {} was added", "It opens your account."),
    "passkey-removed": ("The passkey {} was removed", ""),
    "email-changed": ("The e-mail address of your account was set", "Links to sign in go there."),
    "recovery-codes-made": ("New recovery codes were made", "Those from before open nothing."),
    "recovery-code-used": (
        "Somebody signed in with a recovery code",
        "If it was not you, make new codes and look at your passkeys.",
    ),
}
_ALARMING = ("token-reused", "recovery-code-used")

_EVENTS = {
    "given": "Given",
    "changed": "Changed",
    "kept": "Kept",
    "paused": "Paused",
    "resumed": "Resumed",
    "revoked": "Taken back",
    "ended": "Ended by them",
    "superseded": "Replaced by a newer one",
    "expired": "Run out",
}

REFUSALS = {
    "no-grant": "There was no permission.",
    "not-granted": "The permission does not cover this.",
    "requested": "You had not answered the request yet.",
    "refused": "You had said no.",
    "revoked": "You had taken the permission back.",
    "ended": "They had ended the permission themselves.",
    "expired": "The permission had run out.",
    "paused": "The permission was paused.",
    "superseded": "The permission had been replaced by a newer one.",
    "over-count": "They had read as often as you allow.",
    "above-precision": "They wanted it more exactly than you allow.",
    "too-frequent": "They read again sooner than you allow.",
    "outside-window": "They asked for a time that you did not open.",
    "insufficient-scope": "The key they used does not open this.",
    "client-disabled": "This company was barred from the service.",
    "replayed": "A key was used twice, so it was stopped for safety.",
    "token-revoked": "The key they used no longer works.",
    "token-expired": "The key they used had run out.",
    "unknown": "The key they used does not work.",
    "invalid-cursor": "They asked for a page that does not exist or no longer works.",
    "invalid-request": "They asked in a way that cannot be answered.",
    "malformed-request": "They asked in a way that cannot be read.",
}

# What an owner's own key may do: what it is called where it is made, and what it is in full.
OWN_SCOPES = {
    "own:read": ("Read", "Your objects, their logs, your permissions and your history."),
    "own:manage": (
        "Manage the log",
        "Pause recording, say how long records are kept, and erase some.",
    ),
    "own:grants": ("Hold back", "Pause, resume and end your permissions."),
    "own:export": ("Make copies", "Of everything, and fetch them."),
    "own:terms": (
        "Change your terms",
        "The agreement you proffer, and the limits of what may be asked.",
    ),
}

WRONG_CLOCK = "clock was wrong; shown when it arrived"

GAPS = "A gap means that nothing was recorded. It does not mean zero."

_HOME = (("/", "To the start"),)
ERROR_PAGES = {
    403: ("You may not do this", "Your account does not allow it.", _HOME),
    404: (
        "There is no such page",
        "The address may be mistyped, or it belongs to another account.",
        _HOME,
    ),
    410: ("This is gone", "It was here once, and was removed for good.", _HOME),
    413: ("This is too large", "What you sent is more than this page takes.", _HOME),
    419: (
        "This page was open too long",
        "For your safety nothing was changed. Go back, reload the page and try once more.",
        _HOME,
    ),
    429: (
        "Slow down a little",
        "That was often in a short time. Wait a minute, then go on.",
        _HOME,
    ),
    500: (
        "Something broke here",
        "It is our mistake, not yours. Nothing was half done; you can try again.",
        _HOME,
    ),
    503: (
        "Busy right now",
        "The service cannot take this at the moment. Try again shortly.",
        _HOME,
    ),
}

_GLYPHS = (
    ("jeans", ("jean", "denim", "trouser", "pant", "chino", "leg")),
    ("jacket", ("jacket", "coat", "parka", "hoodie", "shirt", "sweater", "vest")),
    ("washer", ("wash", "dryer", "laundry", "machine", "loader")),
    ("shoe", ("shoe", "sneaker", "boot", "trainer")),
)


def kind(category: str) -> KindOfData:
    """The words of a category; one that is not known speaks for itself."""
    known = KINDS.get(category)
    return known or KindOfData(category.replace("-", " ").capitalize(), "", category)


def status(value: str) -> tuple[str, str]:
    """Words and tone (good, wait, off, bad) of a status of a permission or a job."""
    return STATUSES.get(value, (value.capitalize(), "off"))


def legal_basis(value: str) -> str:
    """After “it relies on …”. Takes a plain name or the last part of a DPV IRI."""
    name = value.rsplit("#", 1)[-1].rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    slug = "".join(f"-{c.lower()}" if c.isupper() else c for c in name).strip("-")
    return LEGAL_BASES.get(slug, name)


def used_by(value: str) -> str:
    return USED_BY.get(value, (value, ""))[0]


def often(limits: Mapping[str, Any]) -> str:
    """How often a kind of data may be read (`consent.limits.written`), as a sentence."""
    if limits.get("single_use"):
        return "Read once, and not again."
    count, frequency = limits.get("count"), limits.get("frequency")
    said = []
    if frequency:
        span = {"hour": "an hour", "day": "a day", "week": "a week", "month": "in 30 days"}
        said.append(f"{times(frequency['count'])} {span[frequency['per']]}")
    if count:
        said.append(f"{times(count)} in all")
    return f"Read at most {join(said)}."


def used(limits: Mapping[str, Any]) -> str:
    """How often a kind of data was read, of as often as it may be."""
    most = 1 if limits.get("single_use") else limits.get("count")
    if most is None:
        return f"Used {times(limits['used'])}." if limits["used"] else "Not used yet."
    return f"Used {limits['used']:,} of {most:,}."


def event(what: str) -> str:
    """What became of a permission, as the head of its receipt."""
    return _EVENTS[what]


def keeps(retention: str) -> str:
    """How long a vendor says that it keeps what it read (days as ISO 8601), after “it keeps it”."""
    days = days_of(retention)
    return "for a day" if days == 1 else f"for {days:,} days"


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def own_scope(scope: str) -> str:
    """After “it may …”; one that is not known speaks for itself."""
    label, _ = OWN_SCOPES.get(scope, (scope, ""))
    return label.lower()


@dataclass(frozen=True)
class Happened:
    """An event of the security log in words; an alarming one asks its owner to look."""

    title: str
    note: str
    is_alarming: bool


def security_event(kind: str, name: str) -> Happened:
    """What an event of `accounts.security_log.KINDS` says."""
    title, note = (text.replace("{}", name) for text in SECURITY_EVENTS[kind])
    return Happened(title, note, kind in _ALARMING)


def refusal(rule: str) -> str:
    """Why a reading was refused, in one sentence."""
    return REFUSALS.get(rule, f"The rule “{rule}” did not allow it.")


def error_page(code: int, request_id: str = "") -> dict[str, object]:
    """The `error` of errors/page.html; a code that is not listed reads like 500 or 404."""
    title, text, actions = ERROR_PAGES.get(code) or ERROR_PAGES[500 if code >= 500 else 404]
    return {
        "code": code,
        "title": title,
        "text": text,
        "actions": actions,
        "request_id": request_id,
    }


def glyph(product_kind: str) -> str:
    """Which drawing stands for a product: jeans, jacket, washer, shoe, or a plain tag."""
    name = product_kind.lower()
    return next((g for g, hints in _GLYPHS if any(hint in name for hint in hints)), "tag")


def wash(key: str) -> int:
    """One of four shades of denim (1 to 4) for a card, always the same for the same key."""
    return sum(key.encode()) % 4 + 1


def join(parts: Iterable[str]) -> str:
    """“a”, “a and b”, “a, b and c”."""
    listed = list(parts)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} and {listed[-1]}"


def readers_sentence(readers: int, vendors: Sequence[str]) -> str:
    """Who can read my data, in one sentence for the home page."""
    if not readers:
        return "Nobody else can read your data, not even the makers."
    return f"{join(vendors)} can read some of your data. Nobody else can."
