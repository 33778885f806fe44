"""Clauses of agreements: what each allows or forbids, and what a set of them allows. Pure.

A clause is a term of the IEEE 7012 extension of DPV 2.3 (`myterms:`) or, where that has none, one
of ours (`inseam:`). The extension's agreements cite four terms that it does not define
(`ServiceDeliveryRequired`, `AnalyticsDisallowed`, `Analytics3PDisallowed`,
`DataSharingDisallowed`); of these the first three are ours here, as it has no words for analytics
at all, and the last is its own `SharingData3PDisallowed`. No address is ever looked up.
"""

from collections.abc import Iterable, Mapping

DPV_VERSION = "2.3"
PREFIXES = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "inseam": "urn:inseam:term:",
    "myterms": "https://w3id.org/dpv/standards/ieee/7012#",
}

# What data may be used for: by whom it was given to (2p), or by anybody else (3p).
_ANALYTICS = frozenset({"analytics-2p", "analytics-3p"})
_TRACKING = frozenset({"tracking-2p", "tracking-3p"})
_PROFILING = frozenset({"profiling-2p", "profiling-3p"})
_ANONYMISED = frozenset({"sharing-anonymised-3p"})
_IDENTIFIED = frozenset({"sharing-identified-3p"})
_SHARING = _ANONYMISED | _IDENTIFIED
_NOTHING: frozenset[str] = frozenset()
_GIFTS = frozenset({"ai-training", "public-good", "intent-casting"})
USES = frozenset({"service"}) | _ANALYTICS | _TRACKING | _PROFILING | _SHARING | _GIFTS

# Our own terms, with what they mean.
OWN_TERMS = {
    "inseam:ServiceDeliveryRequired": "The service that was asked for has to be delivered.",
    "inseam:Analytics2PAllowed": "Whoever is given the data may analyse it for its own service.",
    "inseam:Analytics3PDisallowed": "Nobody else may analyse the data.",
    "inseam:AnalyticsDisallowed": "Nobody may analyse the data beyond what the service needs.",
    "inseam:AITrainingAllowed": "The data may be used to teach and run artificial intelligence.",
    "inseam:PublicGoodAllowed": "The data may be used for the good of the public.",
    "inseam:IntentCastingAllowed": "The data may be used to learn what its giver wants to obtain.",
}

PERMITS: Mapping[str, frozenset[str]] = {
    "inseam:ServiceDeliveryRequired": frozenset({"service"}),
    "inseam:Analytics2PAllowed": frozenset({"analytics-2p"}),
    "myterms:Tracking2PAllowed": frozenset({"tracking-2p"}),
    "myterms:TrackingAllowed": _TRACKING,
    "myterms:Profiling2PAllowed": frozenset({"profiling-2p"}),
    "myterms:ProfilingAllowed": _PROFILING,
    "myterms:SharingDataAnonymised3PAllowed": _ANONYMISED,
    "myterms:SharingData3PAllowed": _SHARING,
    "inseam:AITrainingAllowed": frozenset({"ai-training"}),
    "inseam:PublicGoodAllowed": frozenset({"public-good"}),
    "inseam:IntentCastingAllowed": frozenset({"intent-casting"}),
}
PROHIBITS: Mapping[str, frozenset[str]] = {
    "inseam:AnalyticsDisallowed": _ANALYTICS,
    "inseam:Analytics3PDisallowed": frozenset({"analytics-3p"}),
    "myterms:TrackingDisallowed": _TRACKING,
    "myterms:Tracking3PDisallowed": frozenset({"tracking-3p"}),
    "myterms:ProfilingDisallowed": _PROFILING,
    "myterms:Profiling3PDisallowed": frozenset({"profiling-3p"}),
    "myterms:SharingData3PDisallowed": _SHARING,
    "myterms:SharingDataAnonymised3PDisallowed": _ANONYMISED,
    "myterms:SharingDataNonAnonymised3PDisallowed": _IDENTIFIED,
}
OBLIGES = frozenset({"inseam:ServiceDeliveryRequired", "myterms:PortabilityRequired"})
KNOWN = PERMITS.keys() | PROHIBITS.keys() | OBLIGES


def permitted(clauses: Iterable[str]) -> frozenset[str]:
    """What any of the clauses permits."""
    return frozenset().union(*(PERMITS.get(clause, _NOTHING) for clause in clauses))


def prohibited(clauses: Iterable[str]) -> frozenset[str]:
    """What any of the clauses prohibits. One that is not known might prohibit anything."""
    return frozenset().union(
        *(PROHIBITS.get(clause, _NOTHING if clause in KNOWN else USES) for clause in clauses)
    )


def resolve(clauses: Iterable[str]) -> frozenset[str]:
    """What may be done under all of the clauses together: only what one permits, and nothing that
    another prohibits (`ProhibitiveInterpretation`, `ResolvePreferringProhibition`)."""
    told = frozenset(clauses)
    return permitted(told) - prohibited(told)


def expand(term: str) -> str:
    """The IRI of a term written with a prefix."""
    prefix, _, name = term.partition(":")
    return f"{PREFIXES[prefix]}{name}"
