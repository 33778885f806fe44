"""The roster: standard agreements as versioned data, each with its plain words, its legal text, its
clauses and the hash by which both parties know that they mean the same (IEEE 7012, R-01).

What is published stays: a file in `agreements/` is never changed, a new text is a new version.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import rfc8785

from app.kit.crypto import sha256
from app.terms import clauses
from app.terms.errors import AgreementUnknown

DEFAULT_AGREEMENT = "SD-BASE-DP"
SERVICE, CONTRIBUTION = "service", "contribution"

_PORTABILITY = "myterms:PortabilityRequired"
_CONTEXT = {
    "dct": clauses.PREFIXES["dct"],
    "dpv": clauses.PREFIXES["dpv"],
    "inseam": clauses.PREFIXES["inseam"],
    "myterms": clauses.PREFIXES["myterms"],
    "says": {"@id": "inseam:says", "@container": "@list"},
    "legal": {"@id": "inseam:legal", "@container": "@list"},
}


@dataclass(frozen=True)
class Agreement:
    """One version of one agreement. `kind` is "service", or "contribution" for what somebody gives
    once and of their own accord; `says` are plain sentences, `legal` paragraphs."""

    id: str
    version: int
    dpv: str
    kind: str
    title: str
    says: tuple[str, ...]
    legal: tuple[str, ...]
    obligations: tuple[str, ...]
    permissions: tuple[str, ...]
    prohibitions: tuple[str, ...]

    @property
    def clauses(self) -> frozenset[str]:
        return frozenset(self.obligations + self.permissions + self.prohibitions)

    @property
    def allows(self) -> frozenset[str]:
        """What may be done with the data under it (`clauses.USES`)."""
        return clauses.resolve(self.clauses)

    @property
    def hands_over(self) -> bool:
        """Whether the vendor has to give the owner's data back on request."""
        return _PORTABILITY in self.obligations

    @property
    def jsonld(self) -> dict[str, Any]:
        """The agreement for machines: all of it, and nothing that depends on who serves it."""
        return {
            "@context": _CONTEXT,
            "@id": f"urn:inseam:agreement:{self.id}:{self.version}",
            "@type": ["myterms:Agreement", f"myterms:{self.id}"],
            "dct:identifier": self.id,
            "dct:hasVersion": str(self.version),
            "dct:title": self.title,
            "dct:language": "en",
            "dct:conformsTo": f"DPV {self.dpv}",
            "says": list(self.says),
            "legal": list(self.legal),
            "dpv:hasObligation": _nodes(self.obligations),
            "dpv:hasPermission": _nodes(self.permissions),
            "dpv:hasProhibition": _nodes(self.prohibitions),
            "myterms:hasDeonticInterpretation": {"@id": "myterms:ProhibitiveInterpretation"},
            "myterms:hasConflictResolution": {"@id": "myterms:ResolvePreferringProhibition"},
        }

    @cached_property
    def body(self) -> bytes:
        """The same as canonical JSON (RFC 8785): the bytes that the hash is of."""
        return rfc8785.dumps(self.jsonld)

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of `body`: these very words and clauses, wherever they are kept."""
        return sha256(self.body)


@cache
def load_roster() -> tuple[Agreement, ...]:
    """Every version of every agreement, from what allows least to what allows most, newest first.

    ValueError for one with a clause that is not known.
    """
    found = [_read(text) for text in _texts()]
    return tuple(sorted(found, key=_order))


def find(agreement_id: str, version: int | None = None) -> Agreement:
    """An agreement, its newest version where none is named; AgreementUnknown."""
    for one in load_roster():
        if one.id == agreement_id and version in (None, one.version):
            return one
    raise AgreementUnknown


def find_by_hash(digest: bytes) -> Agreement:
    """The very version that was agreed on; AgreementUnknown."""
    for one in load_roster():
        if one.hash == digest:
            return one
    raise AgreementUnknown


def known_ids() -> frozenset[str]:
    """What there is to accept."""
    return frozenset(one.id for one in load_roster())


def newest(kind: str | None = None) -> list[Agreement]:
    """Each agreement of a kind, or of both, in its newest version."""
    found: dict[str, Agreement] = {}
    for one in load_roster():
        if kind in (None, one.kind):
            found.setdefault(one.id, one)
    return list(found.values())


def variant(agreement: Agreement, hands_over: bool) -> Agreement:
    """The one that allows and forbids the same, with or without the duty to hand data over."""
    wanted = (agreement.permissions, agreement.prohibitions)
    for one in newest(agreement.kind):
        if (one.permissions, one.prohibitions) == wanted and one.hands_over == hands_over:
            return one
    raise AgreementUnknown


def _texts() -> Iterator[str]:
    for file in files("app.terms").joinpath("agreements").iterdir():
        if file.name.endswith(".toml"):
            yield file.read_text(encoding="utf-8")


def _read(text: str) -> Agreement:
    told: dict[str, Any] = tomllib.loads(text)
    lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
    agreement = Agreement(**told | lists)
    strange = agreement.clauses - clauses.KNOWN
    if strange:
        raise ValueError(f"{agreement.id} has clauses that are not known: {sorted(strange)}")
    return agreement


def _order(one: Agreement) -> tuple[bool, int, bool, str, int]:
    return (
        one.kind != SERVICE,
        len(one.allows),
        one.hands_over,
        one.id,
        -one.version,
    )


def _nodes(terms: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"@id": term} for term in terms]
