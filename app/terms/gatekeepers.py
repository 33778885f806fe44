"""Gatekeepers (Digital Markets Act, article 3), who cannot be given an owner's data (EU Data Act,
article 5(3)): a list as data, and who is on it. Pure."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# Legal forms, which the same company writes in many ways.
_FORMS = frozenset(
    {"ab", "ag", "bv", "co", "corp", "corporation", "company", "gmbh", "inc", "incorporated"}
    | {"limited", "llc", "ltd", "nv", "oy", "plc", "pte", "sa", "sarl", "se", "sl", "spa", "srl"}
)
_SIGNS = re.compile(r"[^\w\s.]+")


@dataclass(frozen=True)
class Gatekeeper:
    """One of them: the names it goes by, and its domains with all below them."""

    name: str
    names: frozenset[str]
    domains: tuple[str, ...]


@cache
def load_gatekeepers() -> tuple[Gatekeeper, ...]:
    """All of them."""
    text = files("app.terms").joinpath("gatekeepers.toml").read_text(encoding="utf-8")
    return tuple(
        Gatekeeper(
            one["name"], frozenset(map(plain_name, one["names"])), tuple(map(str, one["domains"]))
        )
        for one in tomllib.loads(text)["gatekeeper"]
    )


def find_gatekeeper(names: Iterable[str], hosts: Iterable[str | None]) -> Gatekeeper | None:
    """The gatekeeper that goes by one of these names or lives at one of these hosts. A name counts
    as a whole: who is called after an apple is not Apple."""
    known = {plain_name(name) for name in names}
    places = [host.lower().rstrip(".") for host in hosts if host]
    for one in load_gatekeepers():
        if known & one.names or any(_lies_below(host, one.domains) for host in places):
            return one
    return None


def plain_name(name: str) -> str:
    """A company's name without signs and legal forms."""
    words = _SIGNS.sub(" ", name.casefold()).split()
    kept = [word.strip(".") for word in words]
    return " ".join(word for word in kept if word.replace(".", "") not in _FORMS)


def _lies_below(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
