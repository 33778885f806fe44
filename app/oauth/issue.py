"""What a successful token request stores and says (RFC 6749 §5.1, RFC 9396 §7)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError

from app.kit.ids import new_ordered_id
from app.oauth.asking import read_resources
from app.oauth.authority import Authority
from app.oauth.details import BadDetails, Entry, covers, read_details
from app.oauth.errors import InvalidAuthorizationDetails, InvalidDpopProof, InvalidTarget
from app.oauth.granted import Granted
from app.oauth.http import OAuthRequest
from app.oauth.scopes import to_list
from app.oauth.tokens import Family, make_token, successors
from app.objects.categories import scope_of


@dataclass(frozen=True)
class Wish:
    """What of the grant this one access token is to be for: a part of it, never more."""

    details: list[Entry] | None
    resources: list[str] | None


def read_wish(authority: Authority, request: OAuthRequest, granted: Granted | None) -> Wish:
    """What the token request narrows (RFC 9396 §6, RFC 8707 §2.2), before anything is used up.

    InvalidAuthorizationDetails, InvalidTarget, InvalidDpopProof, InvalidGrantError.
    """
    _check_key(request)
    values = request.payload.data
    held = _held(request).get("resources")
    resources = read_resources(authority, values.get("resource"))
    if held is not None and resources is not None and not set(resources) <= set(held):
        raise InvalidTarget
    text, entries = values.get("authorization_details"), None
    if text is not None:
        try:
            entries = read_details(text, authority.resources)
        except BadDetails as error:
            raise InvalidAuthorizationDetails(str(error)) from error
        if granted is None or not all(covers(granted.entries(), one) for one in entries):
            raise InvalidAuthorizationDetails("The permission does not give all of this.")
    return Wish(entries, resources or held)


def _check_key(request: OAuthRequest) -> None:
    """A client that binds its tokens brings a proof; what was bound goes on with the same key."""
    client = request.client
    if client is not None and client.known.requires_dpop and request.jkt is None:
        raise InvalidDpopProof("This client's tokens are bound to a key; send a proof.")
    bound = _held(request).get("jkt")
    if bound is not None and bound != request.jkt:
        raise InvalidGrantError("This is bound to another key.")


def _held(request: OAuthRequest) -> dict[str, Any]:
    """What the code or the refresh token is bound to."""
    source = request.authorization_code or request.refresh_token
    return (source.row.binding or {}) if source is not None else {}


@dataclass(frozen=True)
class Issue:
    """One issuing: of a code, of a refresh token, or for a client alone."""

    now: datetime
    authority: Authority
    request: OAuthRequest

    def complete(self, token: dict[str, Any]) -> list[dict[str, Any]]:
        """Turn the announced answer into the real one; the rows of the tokens in it."""
        granted: Granted | None = self.request.user
        wish: Wish = self.request.wish
        family, scopes = self._family(), to_list(token["scope"])
        if wish.details is not None:
            kinds = {scope_of(kind) for entry in wish.details for kind in entry.datatypes}
            scopes = [scope for scope in scopes if scope in kinds]
            token["scope"] = " ".join(scopes)
        with_refresh = token.pop("with_refresh")
        settings = self.authority.settings
        expires_at = self._end(timedelta(seconds=settings.access_token_seconds), granted)
        if wish.details is not None:
            ends = [entry.until for entry in wish.details if entry.until is not None]
            expires_at = min([expires_at, *ends])
        binding = self._binding(wish)
        device = self.request.caller.device
        objects = None if device is None else [str(device.object_id)]
        token["access_token"], row = make_token(
            self.now, "access", family, scopes, expires_at, binding=binding, objects=objects
        )
        rows = [row]
        token["expires_in"] = int((expires_at - self.now).total_seconds())
        if self.request.jkt is not None:
            token |= {"token_type": "DPoP"}
        if with_refresh:
            text, kept = self._refresh_token(family, self._carried(scopes), granted)
            token["refresh_token"] = text
            rows += kept
        token["iss"] = settings.origin
        if granted is not None:
            token["grant_id"] = str(granted.grant_id)
            entries = wish.details or granted.entries(scopes)
            token["authorization_details"] = [entry.written() for entry in entries]
        return rows

    def _binding(self, wish: Wish) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        device = self.request.caller.device
        if device is not None:
            found |= {"maker": str(device.maker_id), "device_key": device.key_id}
        if self.request.jkt is not None:
            found["jkt"] = self.request.jkt
        if wish.details is not None:
            found["details"] = [entry.written() for entry in wish.details]
        if wish.resources is not None:
            found["resources"] = wish.resources
        return found or None

    def _carried_binding(self) -> dict[str, Any] | None:
        """A refresh token keeps what the grant was asked with. A public client's is bound to its
        key; a confidential one's is not, for that one authenticates (RFC 9449 §5)."""
        found: dict[str, Any] = {}
        held = _held(self.request)
        if self.request.client.known.is_public and self.request.jkt is not None:
            found["jkt"] = self.request.jkt
        if held.get("resources") is not None:
            found["resources"] = held["resources"]
        return found or None

    def _family(self) -> Family:
        code, old = self.request.authorization_code, self.request.refresh_token
        client = self.request.client
        client_id = client.client_id if client is not None else None
        if code is not None:
            row = code.row
            return Family(row.family_id, client_id, row.owner_id, row.grant_id)
        if old is not None:
            row = old.row
            return Family(row.family_id, client_id, row.owner_id, row.grant_id, row.generation + 1)
        return Family(new_ordered_id(self.now), client_id, None, None)

    def _carried(self, scopes: list[str]) -> list[str]:
        """A refresh token keeps all scopes, also when the access token got fewer."""
        source = self.request.refresh_token or self.request.authorization_code
        return list(source.row.scopes) if source is not None else scopes

    def _refresh_token(
        self, family: Family, scopes: list[str], granted: Granted | None
    ) -> tuple[str, list[dict[str, Any]]]:
        """A new one; or the one that was sent, where it stays, and that one ends with the grant; or
        the one that was given a moment ago, where the same is asked again."""
        known, old = self.request.client.known, self.request.refresh_token
        stays = known.keeps_refresh
        if stays and old is not None:
            return old.text, []
        if old is not None and old.given is not None:
            return old.given, []
        next_one = None
        if old is not None and not known.is_public:
            next_one = successors(self.authority.keyring.cursor_keys(), old.text)[0]
        life = timedelta(days=self.authority.settings.refresh_token_days)
        end = granted.until if stays and granted is not None else self._end(life, granted)
        binding = self._carried_binding()
        text, row = make_token(
            self.now, "refresh", family, scopes, end, binding=binding, token=next_one
        )
        return text, [row]

    def _end(self, life: timedelta, granted: Granted | None) -> datetime:
        """No token outlives its grant."""
        end = self.now + life
        return min(end, granted.until) if granted is not None else end
