"""The wire: parameters read strictly, Authlib's request made of them, answers given back."""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode

import msgspec
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Payload
from starlette.requests import Request
from starlette.responses import Response

from app.kit import problems
from app.kit.errors import DomainError
from app.kit.http import read_most
from app.oauth.errors import InvalidDpopProof, UseDpopNonce

MAX_BODY = 64 * 1024
MAX_FIELDS = 60
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

NOT_ASKED = ("client_secret", "client_assertion", "client_assertion_type")  # but authenticates

_MANY = {"resource"}
_encode = msgspec.json.Encoder().encode  # texts, numbers and lists of them, in a tenth of the time
_READ = {b"accept", b"authorization", b"content-type", b"dpop"}
_FORM = "application/x-www-form-urlencoded"


class Parameters(NamedTuple):
    """The parameters of a request: each once, those sent without a value left out
    (RFC 6749 §3.1); `repeated` names what came more than once. Several resources (RFC 8707 §2),
    which may, are one value with spaces between."""

    values: Mapping[str, str]
    repeated: frozenset[str]


class Ask(NamedTuple):
    """A form sent to an endpoint, what authenticates it, its proof of possession (RFC 9449), and
    what the caller accepts in return."""

    form: Mapping[str, str]
    authorization: str | None
    path: str = ""
    proof: str | None = None
    accept: str = ""


class Answer(NamedTuple):
    """What Authlib wants said, before it becomes a response."""

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] = MappingProxyType({})
    media_type: str = "application/json"


class Payload(OAuth2Payload):
    """Authlib's view of the parameters."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @property
    def data(self) -> dict[str, str]:
        return self._values

    @property
    def datalist(self) -> "defaultdict[str, list[str]]":
        return defaultdict(list, {name: [value] for name, value in self._values.items()})


class OAuthRequest(OAuth2Request):
    """Authlib's request. Its address comes from the configured origin, never from Host. `caller` is
    who sent it (`clientauth.Caller`), and `jkt` the thumbprint of the key of its proof."""

    def __init__(
        self,
        method: str,
        uri: str,
        values: Mapping[str, str],
        *,
        authorization: str | None = None,
        repeated: frozenset[str] = frozenset(),
        is_pushed: bool = False,
        caller: Any = None,
        accept: str = "",
    ) -> None:
        self.__dict__.update(_at(method, uri))
        self.headers = {"Authorization": authorization} if authorization else {}
        self.payload = Payload(values)
        self.repeated = repeated
        self.is_pushed = is_pushed
        self.caller = caller
        self.jkt: str | None = caller.jkt if caller is not None else None
        self.accept = accept

    @property
    def form(self) -> dict[str, str]:
        """Parameters of a POST, which alone may carry secrets."""
        return self.payload.data if self.method == "POST" else {}

    @property
    def args(self) -> dict[str, str]:
        return {} if self.method == "POST" else self.payload.data


def _pair(field: str) -> tuple[str, str]:
    """A field of a form or query (WHATWG URL §5.1): `parse_qsl`, without what that does for others,
    which is most of it."""
    name, _, value = field.partition("=")
    return form_decoded(name), form_decoded(value)


def form_decoded(text: str) -> str:
    """What a form-encoded text says; UnicodeDecodeError where it is not UTF-8."""
    return unquote_plus(text, errors="strict") if "%" in text or "+" in text else text


@lru_cache(maxsize=64)
def _at(method: str, uri: str) -> dict[str, Any]:
    """What Authlib's request is made of at an address of ours, which it need check only once."""
    return dict(vars(OAuth2Request(method, uri)))


def read_parameters(text: str) -> Parameters:
    """Parameters from a query or a form; InvalidRequestError where they cannot be read."""
    fields = text.split("&")
    if len(fields) > MAX_FIELDS:
        raise InvalidRequestError(f"There are more than {MAX_FIELDS} parameters.")
    try:
        pairs = [_pair(field) for field in fields if field]
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The parameters are not UTF-8.") from error
    if ("\x00" in text or "%00" in text) and any("\x00" in name + value for name, value in pairs):
        raise InvalidRequestError("A parameter contains NUL.")
    values: dict[str, str] = {}
    repeated = set()
    for name, value in pairs:
        if name in values and name in _MANY:
            values[name] += f" {value}"
        elif name in values:
            repeated.add(name)
        values.setdefault(name, value)
    filled = {name: value for name, value in values.items() if value}
    return Parameters(filled, frozenset(repeated))


async def read_ask(request: Request) -> Ask:
    """The form of a POST: small, of the right type, each field once, nothing in the address."""
    scope = request.scope
    if scope.get("query_string"):
        raise InvalidRequestError("Send parameters in the body, never in the address.")
    headers: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:  # in one walk: Starlette walks once for each
        if name in _READ:
            headers.setdefault(name, []).append(value.decode("latin-1"))
    kind = headers.get(b"content-type", [""])[0].partition(";")[0].strip().lower()
    if kind != _FORM:
        raise InvalidRequestError(f"Send the parameters as {_FORM}.")
    parameters = read_parameters(await _read_body(request))
    if parameters.repeated:
        raise InvalidRequestError("A parameter stands twice in the form.")
    given = headers.get(b"authorization", [None])
    if len(given) > 1:
        raise InvalidRequestError("The header Authorization stands twice.")
    proofs = headers.get(b"dpop", [None])
    if len(proofs) > 1:
        raise InvalidDpopProof("The header DPoP stands twice.")
    accept = ", ".join(headers.get(b"accept", []))
    return Ask(parameters.values, given[0], scope["path"], proofs[0], accept)


async def _read_body(request: Request) -> str:
    body = await read_most(request, MAX_BODY)
    if body is None:
        raise InvalidRequestError(f"The form is larger than {MAX_BODY} bytes.")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The form is not UTF-8.") from error


def refusal(error: OAuth2Error) -> Answer:
    """The error as RFC 6749 §5.2 wants it; nothing of the request is repeated in it."""
    headers = {}
    if isinstance(error, InvalidClientError):
        headers["WWW-Authenticate"] = 'Basic realm="oauth", charset="UTF-8"'
    if isinstance(error, UseDpopNonce):
        headers["DPoP-Nonce"] = error.nonce
    return Answer(error.status_code, dict(error_members(error)), headers)


def error_members(error: OAuth2Error) -> list[tuple[str, str]]:
    """`error` and, where there is one, its description in fixed words."""
    said = [("error", str(error.error)), ("error_description", error.description)]
    return [(name, value) for name, value in said if value]


def domain_refusal(error: DomainError) -> Answer:
    """Too many, or not now, in the words of this protocol."""
    retry = {"Retry-After": str(error.extra.get("retry_after", 1))}
    said = {"error": "temporarily_unavailable", "error_description": error.title}
    return Answer(problems.STATUS[error.kind], said, retry)


def respond(answer: Answer) -> Response:
    """JSON that nobody keeps, or a text of another kind."""
    headers = {**NO_STORE, **answer.headers}
    body = answer.body if isinstance(answer.body, str) else _encode(answer.body)
    return Response(body, answer.status, headers, answer.media_type)


def send_to(location: str) -> Response:
    """A redirect that never repeats a POST (RFC 9700 §4.12) and tells nothing on the way."""
    headers = {**NO_STORE, "Location": location, "Referrer-Policy": "no-referrer"}
    return Response(status_code=303, headers=headers)


def with_parameters(uri: str, parameters: list[tuple[str, str]]) -> str:
    """A redirect URI exactly as registered, with parameters added to its query."""
    joint = "&" if "?" in uri else "?"
    return f"{uri}{joint}{urlencode(parameters, quote_via=quote)}"
