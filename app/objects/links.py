"""The addresses of an object: pure, and all below the service's origin."""

from urllib.parse import quote, urlsplit
from uuid import UUID


def did(origin: str, object_id: UUID) -> str:
    """The object's DID by the did:web method; a port's colon is percent-encoded."""
    return f"did:web:{urlsplit(origin).netloc.replace(':', '%3A')}:o:{object_id}"


def passport_link(origin: str, object_id: UUID) -> str:
    """The object's page by its id."""
    return f"{origin}/o/{object_id}"


def digital_link(origin: str, gtin: str | None, serial: str, object_id: UUID) -> str:
    """The GS1 Digital Link URI; the page by id where the product has no GTIN."""
    if gtin is None:
        return passport_link(origin, object_id)
    return f"{origin}/01/{gtin}/21/{quote(serial, safe='')}"


def claim_link(link: str, code: str) -> str:
    """The label's link: the code stands in the fragment, which no browser sends anywhere."""
    return f"{link}#claim={code}"
