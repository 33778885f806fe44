"""What a successful token request stores and says (RFC 6749 §5.1, RFC 9396 §7)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.kit.ids import new_id
from app.oauth.granted import Granted, authorization_details
from app.oauth.http import OAuthRequest
from app.oauth.scopes import to_list
from app.oauth.tokens import Family, mint
from app.settings import Settings


@dataclass(frozen=True)
class Issue:
    """One issuing: of a code, of a refresh token, or for a client alone."""

    conn: Connection
    now: datetime
    settings: Settings
    request: OAuthRequest

    def complete(self, token: dict[str, Any]) -> None:
        """Turn the announced answer into the real one."""
        granted: Granted | None = self.request.user
        family, scopes = self._family(), to_list(token["scope"])
        with_refresh = token.pop("with_refresh")
        life = timedelta(seconds=self.settings.access_token_seconds)
        expires_at = self._end(life, granted)
        token["access_token"] = self._mint("access", family, scopes, expires_at)
        token["expires_in"] = int((expires_at - self.now).total_seconds())
        if with_refresh:
            token["refresh_token"] = self._refresh_token(family, self._carried(scopes), granted)
        token["iss"] = self.settings.origin
        if granted is not None:
            token["grant_id"] = str(granted.grant_id)
            token["authorization_details"] = authorization_details(granted, scopes)

    def _family(self) -> Family:
        code, old = self.request.authorization_code, self.request.refresh_token
        client_id = self.request.client.client_id
        if code is not None:
            row = code.row
            return Family(row.family_id, client_id, row.owner_id, row.grant_id)
        if old is not None:
            row = old.row
            return Family(row.family_id, client_id, row.owner_id, row.grant_id, row.generation + 1)
        return Family(new_id(), client_id, None, None)

    def _carried(self, scopes: list[str]) -> list[str]:
        """A refresh token keeps all scopes, also when the access token got fewer."""
        old = self.request.refresh_token
        return list(old.row.scopes) if old is not None else scopes

    def _refresh_token(self, family: Family, scopes: list[str], granted: Granted | None) -> str:
        """A new one; or the one that was sent, where it stays, and that one ends with the grant."""
        stays = self.request.client.known.keeps_refresh
        if stays and self.request.refresh_token is not None:
            return str(self.request.payload.data["refresh_token"])
        life = timedelta(days=self.settings.refresh_token_days)
        end = granted.until if stays and granted is not None else self._end(life, granted)
        return self._mint("refresh", family, scopes, end)

    def _end(self, life: timedelta, granted: Granted | None) -> datetime:
        """No token outlives its grant."""
        end = self.now + life
        return min(end, granted.until) if granted is not None else end

    def _mint(self, kind: str, family: Family, scopes: list[str], end: datetime) -> str:
        return mint(self.conn, self.now, kind, family, scopes, end)
