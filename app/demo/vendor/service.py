"""The way to the service: the only file that knows its addresses, tokens and errors."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.starlette_client import OAuth, OAuthError
from starlette.requests import Request
from starlette.responses import Response

from app.demo.vendor.memory import Copies, Link, Note, Pending, make_room

SCOPES = "usage:read care:read condition:read body:read identity:read"
PAGE, MAX_PAGES = 500, 100
OVER = {
    "revoked": "The owner has ended this permission",
    "expired": "This permission has come to its end date",
    "ended": "This permission has been handed back",
    "superseded": "A newer permission has taken the place of this one",
}
FINAL = {"revoked", "ended", "superseded"}  # any other may mean the token alone: a refresh tells


class Later(Exception):
    """Nothing can be read now, which may change; the note says why."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self.note = Note(title, text)


class NotThere(Later):
    """The service knows no such object, or this permission does not cover it."""


class NotInRecords(Later):
    """All that the permission covers is told over longer stretches of time, or in a few words."""


class Ended(Exception):
    """The permission is over."""

    def __init__(self, note: Note) -> None:
        super().__init__(note.title)
        self.note = note


class WrongIssuer(Exception):
    """The answer does not come from the service that was asked (RFC 9207 §2.4)."""


class Service:
    """One service, as one of its OAuth clients."""

    def __init__(
        self, url: str, client_id: str, client_secret: str, own_url: str, transport: Any = None
    ) -> None:
        self.url = url.rstrip("/")
        self._redirect_uri = f"{own_url}/callback"
        self._pending = Pending()
        self._at_counter: dict[str, None] = {}
        self._http = {"timeout": 10, "trust_env": False, "transport": transport}
        self._credentials = (client_id, client_secret)
        # The scope is asked here and not set on the client, which would repeat it at each refresh
        # and so ask for what the owner left out.
        self._client = OAuth(cache=self._pending).register(
            "mend",
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=f"{self.url}/.well-known/oauth-authorization-server",
            authorize_params={"scope": SCOPES},
            client_kwargs={"code_challenge_method": "S256", **self._http},
        )

    def permission_url(self, grant_id: object) -> str:
        """Where the owner ends a permission; all of them where its number is not known."""
        number = quote(grant_id, safe="") if isinstance(grant_id, str) else ""
        return f"{self.url}/permissions" + (f"/{number}" if number else "")

    async def start(self, request: Request) -> Response:
        """Send the visitor to the consent page (RFC 6749 §4.1.1, PKCE S256)."""
        with _calmly():
            await self._metadata()
            sent: Response = await self._client.authorize_redirect(request, self._redirect_uri)
        return sent

    async def start_at_counter(self) -> str:
        """A request that the workshop makes itself, for an owner who stands at its counter: the
        address to hand over. No browser holds its state, which is kept with its verifier here."""
        with _calmly():
            await self._metadata()
            made = await self._client.create_authorization_url(self._redirect_uri)
        state = made["state"]
        kept = made | {"redirect_uri": self._redirect_uri}
        await self._client.framework.set_state_data(None, state, kept)
        make_room(self._at_counter)
        self._at_counter[state] = None
        return str(made["url"])

    def is_counters(self, state: str) -> bool:
        """Did the workshop itself start the flow?"""
        return state in self._at_counter

    async def check_issuer(self, iss: str | None) -> None:
        """Refuse an answer that another authorization server sent (RFC 9207 §2.4)."""
        with _calmly():
            metadata = await self._metadata()
        if iss != metadata["issuer"]:
            raise WrongIssuer

    def started_here(self, request: Request, state: str) -> bool:
        """Did this browser start the flow?"""
        return _key(state) in request.session

    async def started_anywhere(self, state: str) -> bool:
        """Did any browser start it?"""
        return await self._pending.get(_key(state)) is not None

    def is_own(self, client_id: str, client_secret: str) -> bool:
        """Does a caller hold the workshop's own keys?"""
        given = f"{client_id}:{client_secret}".encode()
        return secrets.compare_digest(given, ":".join(self._credentials).encode())

    def take_over(self, request: Request, state: str) -> None:
        """Let this browser finish what another one started."""
        request.session[_key(state)] = {"exp": time.time() + 600}

    async def redeem(self, request: Request) -> Link:
        """Change the code of a callback for tokens. Raises OAuthError when the code is no good."""
        with _calmly():
            return Link(dict(await self._client.authorize_access_token(request)))

    async def look(self, link: Link) -> None:
        """Read everything afresh. The link then holds new copies, or a note why it does not."""
        async with link.lock:
            if link.ended:
                return
            try:
                with _calmly():
                    link.copies, link.note = await self._read(link), None
            except Ended as ended:
                link.end(ended.note)
            except Later as later:
                link.note = later.note

    async def hand_back(self, link: Link) -> bool:
        """Revoke the tokens (RFC 7009) and forget the data; False if the service did not hear."""
        async with link.lock:
            token = link.token.get("refresh_token") or link.token.get("access_token")
            link.end(Note("You are disconnected", ""))
            try:
                with _calmly():
                    return token is None or await self._revoke(token)
            except Later:
                return False

    async def _metadata(self) -> dict[str, Any]:
        """The server's metadata, whose issuer must be the address asked (RFC 8414 §3.3)."""
        metadata: dict[str, Any] = await self._client.load_server_metadata()
        if metadata.get("issuer") != self.url:
            raise WrongIssuer
        return metadata

    async def _revoke(self, token: str) -> bool:
        endpoint = (await self._metadata())["revocation_endpoint"]
        async with AsyncOAuth2Client(*self._credentials, **self._http) as client:
            answer = await client.revoke_token(endpoint, token=token)
            return bool(answer.is_success)

    async def _read(self, link: Link) -> Copies:
        objects = (await self._get(link, f"{self.url}/v1/data/objects"))["objects"]
        records = {}
        for one in objects:
            try:
                records[one["id"]] = await self._records(link, one["id"])
            except NotThere:  # dropped from the permission since the list was read
                continue
            except NotInRecords:  # we draw records, and were given none
                records[one["id"]] = []
            streams = one["product"]["streams"]
            one["product"]["streams"] = [s for s in streams if _is_by_record(one, s["category"])]
        return Copies([one for one in objects if one["id"] in records], records, datetime.now(UTC))

    async def _records(self, link: Link, object_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": PAGE}
        for _ in range(MAX_PAGES):
            page = await self._get(link, f"{self.url}/v1/data/objects/{object_id}/records", query)
            found += page["records"]
            if not page["next"]:
                break
            query["after"] = page["next"]
        return found

    async def _get(self, link: Link, url: str, query: Any = None) -> dict[str, Any]:
        if time.time() > link.token.get("expires_at", float("inf")) - 5:
            await self._renew(link)
        answer = await self._send(link, url, query)
        if answer.status_code == 401 and _problem(answer).get("reason") not in FINAL:
            answer = await self._send(link, url, query) if await self._renew(link) else answer
        if answer.status_code != 200:
            raise _error_of(answer)
        body: dict[str, Any] = answer.json()
        return body

    async def _send(self, link: Link, url: str, query: Any) -> Any:
        # Authlib would refuse to send a token past its time; the service's answer says why it died.
        bearer = {"Authorization": f"Bearer {link.token['access_token']}"}
        return await self._client.get(url, params=query, headers=bearer, withhold_token=True)

    async def _renew(self, link: Link) -> bool:
        """A fresh access token (RFC 6749 §6); False when the refresh token is dead or absent."""
        refresh = link.token.get("refresh_token")
        if refresh is None:
            return False
        try:
            fresh = await self._client.fetch_access_token(
                grant_type="refresh_token", refresh_token=refresh
            )
        except OAuthError as error:
            if error.error != "invalid_grant":
                raise _unavailable() from error
            del link.token["refresh_token"]
            return False
        link.token.pop("expires_at", None)
        link.token.update(fresh)
        return True


def _key(state: str) -> str:
    """Where Authlib keeps a flow, in its cache and in the session."""
    return f"_state_mend_{state}"


@contextmanager
def _calmly() -> Iterator[None]:
    """What the network or a broken answer throws becomes one quiet sentence."""
    try:
        yield
    except OAuthError as error:
        if error.error in ("server_error", "temporarily_unavailable"):
            raise _unavailable() from error
        raise
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        raise _unavailable() from error


def _unavailable() -> Later:
    return Later(
        "Inseam does not answer just now",
        "Nothing is lost. Please try again in a minute.",
    )


def _problem(answer: Any) -> dict[str, Any]:
    """The problem document (RFC 9457), or nothing where there is none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _is_by_record(told: Mapping[str, Any], kind: str) -> bool:
    """Whether a thing's kind of data is told record by record."""
    precision = told.get("precision", {}).get(kind, {})
    return (precision.get("action", "read"), precision.get("time", "exact")) == ("read", "exact")


def _error_of(answer: Any) -> Later | Ended:
    problem = _problem(answer)
    detail = str(problem.get("detail") or problem.get("title") or "")
    match answer.status_code:
        case 401:
            return Ended(_farewell(str(problem.get("reason", "")), detail, answer))
        case 403 if str(problem.get("type")).endswith("/above-precision"):
            return NotInRecords("These are told by the day, or longer", detail)
        case 403 if "paused" in f"{problem.get('type')} {problem.get('reason')}":
            return Later("The owner has paused this permission", detail)
        case 403:
            return Later("That is not part of this permission", detail)
        case 404:
            return NotThere("These are not part of the permission any more", detail)
        case 429:
            wait = answer.headers.get("Retry-After", "60")
            return Later("We have asked too often", f"Please look again in {wait} seconds.")
    return _unavailable()


def _farewell(reason: str, detail: str, answer: Any) -> Note:
    try:
        at = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        at = datetime.now(UTC)
    return Note(OVER.get(reason, "This permission does not work any more"), detail, reason, at)
