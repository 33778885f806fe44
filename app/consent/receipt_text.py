"""What a receipt says of one event of a grant: the mandatory fields of ISO/IEC TS 27560:2023 in DPV
terms (w3id.org/dpv/guides/consent-27560), and the same as a Kantara Consent Receipt v1.1. Pure.

Nothing in it says who the owner is: they go by the grant's id, their things by the vendor's ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from app.consent.models import Grant, GrantDetail
from app.kit.ids import derived_id
from app.objects.categories import CATEGORIES
from app.organizations.models import Client, Organization
from app.usage.wire import rfc3339

PROFILE = "https://w3id.org/dpv/schema/dpv-27560#receipt"
VALID = ("dpv:ConsentGiven", "dpv:RenewedConsentGiven")

# What an event makes of the consent, by the states of DPV 2.3; only the first two let data be read.
STATES = {
    "given": "dpv:ConsentGiven",
    "changed": "dpv:RenewedConsentGiven",
    "kept": "dpv:RenewedConsentGiven",
    "resumed": "dpv:RenewedConsentGiven",
    "paused": "dpv:ConsentInvalidated",
    "superseded": "dpv:ConsentInvalidated",
    "revoked": "dpv:ConsentWithdrawn",
    "ended": "dpv:ConsentRevoked",
    "expired": "dpv:ConsentExpired",
}
_NAMES = {
    "dpv": "https://w3id.org/dpv#",
    "dct": "http://purl.org/dc/terms/",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "loc": "https://w3id.org/dpv/loc#",
    "inseam": "urn:inseam:receipt#",
}
_NAMESPACE = UUID("c8f0d2c4-6f0e-4a62-8a3f-2b1f6d5c7e90")
_SPECIAL = ("body",)  # health data, as whoever knows its context may infer (GDPR, article 9)
_RIGHTS = ("eu-gdpr:A7-3", "eu-gdpr:A15", "eu-gdpr:A17", "eu-gdpr:A20")
_VENDORS_ACT = ("ended",)
_UNSAID = "Not stated by the recipient"


@dataclass(frozen=True)
class Event:
    """One event of a grant: its number among all of that grant, from 1 on; `before` is the hash of
    the receipt before it."""

    number: int
    what: str
    at: datetime
    before: str | None


def receipt_id(grant_id: UUID, number: int) -> UUID:
    """A receipt's own id."""
    return derived_id(_NAMESPACE, str(grant_id), str(number))


def content_of(
    grant: Grant,
    details: Sequence[GrantDetail],
    client: Client,
    company: Organization,
    event: Event,
) -> dict[str, Any]:
    """The receipt without the context that its address needs; addresses in it are relative."""
    grant_urn = f"urn:uuid:{grant.grant_id}"
    purpose = next((p for p in client.purposes if p["purpose"] == grant.purpose), {})
    vendor = _party(client, company)
    by_owner = event.what not in (*_VENDORS_ACT, "expired")
    told: dict[str, Any] = {
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": PROFILE,
        "dct:identifier": f"urn:uuid:{receipt_id(grant.grant_id, event.number)}",
        "dct:created": rfc3339(event.at),
        "inseam:number": event.number,
        "inseam:predecessorHash": event.before,
        "dpv:hasRecordOfActivity": {
            "@type": "dpv:ConsentRecord",
            "dct:identifier": grant_urn,
            "dct:hasVersion": grant.version,
        },
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", "dct:identifier": grant_urn},
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "dct:title": purpose.get("title") or grant.purpose,
            "dct:language": "en",
            "inseam:scopes": {
                scope: told.get("why", "") for scope, told in purpose.get("scopes", {}).items()
            },
        },
        "dpv:hasPurpose": {"@id": f"dpv:{grant.purpose}"},
        "dpv:hasLegalBasis": {"@id": f"dpv:{grant.legal_basis}", "inseam:declaredBy": "recipient"},
        "dpv:hasPersonalData": [_data(detail) for detail in details],
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", "dct:description": company.country or _UNSAID},
            {"@type": "dpv:StorageDuration", "dct:description": _longest(details)},
        ],
        "dpv:hasJurisdiction": f"loc:{company.country or 'EU'}",
        "dpv:hasDataController": vendor,
        "dpv:hasRecipient": vendor,
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dpv:isExercisedAt": f"/permissions/{grant.grant_id}",
        },
        "dpv:hasRight": list(_RIGHTS),
        "dpv:hasDuration": {
            "@type": "dpv:UntilTimeDuration",
            "dct:valid": rfc3339(grant.until),
        },
        "dpv:hasConsentStatus": STATES[event.what],
        "dpv:isIndicatedAtTime": rfc3339(event.at),
        "dpv:isIndicatedBy": grant_urn if by_owner else client.client_id,
        "inseam:consentType": "dpv:ExplicitlyExpressedConsent",
        "inseam:event": event.what,
        "inseam:agreement": None,
    }
    if grant.agreement is not None:
        digest = (grant.agreement_hash or b"").hex()
        told["inseam:agreement"] = {"id": grant.agreement, "hash": f"sha256:{digest}"}
    return told


def with_context(content: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The receipt as it is given out: JSON-LD whose relative addresses are this service's."""
    return {"@context": _NAMES | {"@base": f"{origin}/"}, **content}


def kantara_of(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """The same by the Kantara Initiative's Consent Receipt Specification v1.1, §4."""
    vendor, base = receipt["dpv:hasDataController"], receipt["@context"]["@base"]
    at = datetime.fromisoformat(receipt["dpv:isIndicatedAtTime"])
    kinds = sorted({one["inseam:category"] for one in receipt["dpv:hasPersonalData"]})
    special = [CATEGORIES[kind] for kind in kinds if kind in _SPECIAL]
    purpose = {
        "purpose": receipt["dpv:hasNotice"]["dct:title"],
        "consentType": "EXPLICIT",
        "purposeCategory": [receipt["dpv:hasPurpose"]["@id"]],
        "piiCategory": [CATEGORIES[kind] for kind in kinds],
        "primaryPurpose": True,
        "termination": urljoin(base, receipt["dpv:hasConsentControl"]["dpv:isExercisedAt"]),
        "thirdPartyDisclosure": False,
    }
    return {
        "version": "KI-CR-v1.1.0",
        "jurisdiction": receipt["dpv:hasJurisdiction"].removeprefix("loc:"),
        "consentTimestamp": int(at.timestamp()),
        "collectionMethod": f"The owner's own act at {base}, event {receipt['inseam:event']}",
        "consentReceiptID": receipt["dct:identifier"].removeprefix("urn:uuid:"),
        "language": receipt["dpv:hasNotice"]["dct:language"],
        "piiPrincipalId": receipt["dpv:hasDataSubject"]["dct:identifier"],
        "piiControllers": [
            {
                "piiController": vendor["dpv:hasName"],
                "onBehalf": False,
                "contact": vendor["dpv:hasContact"],
                "address": {"addressCountry": vendor["dpv:hasAddress"]},
                "email": vendor["dpv:hasContact"],
                "phone": _UNSAID,
                "piiControllerUrl": vendor["inseam:website"],
            }
        ],
        "policyUrl": vendor["inseam:policy"],
        "services": [{"service": vendor["inseam:client"], "purposes": [purpose]}],
        "sensitive": bool(special),
        "spiCat": special,
    }


def _party(client: Client, company: Organization) -> dict[str, Any]:
    """The vendor. What it has not said is said to be so: no field of a receipt is empty."""
    registered = client.registered or {}
    site = company.website or (company.verified_domain and f"https://{company.verified_domain}")
    return {
        "@type": "dpv:DataController",
        "dct:identifier": client.client_id,
        "dpv:hasName": company.name,
        "dpv:hasAddress": company.country or _UNSAID,
        "dpv:hasContact": company.contact or next(iter(registered.get("contacts", [])), _UNSAID),
        "inseam:client": client.name,
        "inseam:website": site or _UNSAID,
        "inseam:policy": registered.get("policy_uri") or site or _UNSAID,
    }


def _data(detail: GrantDetail) -> dict[str, Any]:
    start, end = detail.window_from, detail.window_to
    told: dict[str, Any] = {
        "@type": ["dpv:GeneratedPersonalData"],
        "dct:title": CATEGORIES[detail.category],
        "inseam:category": detail.category,
        "inseam:object": f"urn:uuid:{detail.pseudonym}",
        "dpv:hasProcessing": "dpv:Access",
        "inseam:action": detail.action,
        "inseam:precision": {"time": detail.precision_time, "place": detail.precision_place},
        "inseam:window": {"from": start and rfc3339(start), "to": end and rfc3339(end)},
        "inseam:until": rfc3339(detail.until),
        "inseam:limits": (detail.terms or {}).get("limits"),
        "inseam:retention": (detail.terms or {}).get("retention"),
    }
    if detail.category in _SPECIAL:
        told["@type"].append("dpv:SensitivePersonalData")
    return told


def _longest(details: Sequence[GrantDetail]) -> str:
    kept = [(detail.terms or {}).get("retention") for detail in details]
    if not kept or None in kept:
        return _UNSAID
    return max(map(str, kept), key=lambda one: int(one[1:-1]))
