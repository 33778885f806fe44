"""What becomes of forms that clients send: whatever waits is answered in one work of the writer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from authlib.oauth2 import OAuth2Error
from sqlalchemy import Connection

from app.kit.errors import DomainError
from app.oauth.admit import Admitted, admit
from app.oauth.authority import Authority
from app.oauth.clientauth import Caller, Credentials
from app.oauth.errors import Undone
from app.oauth.http import Answer, Ask, domain_refusal, refusal
from app.oauth.server import Server, answer_token

Endpoint = Callable[[Connection, Authority, Ask, Caller], Answer]


class Filed(NamedTuple):
    """A form, what it shows of its client, and the endpoint it was sent to."""

    ask: Ask
    shown: Credentials | OAuth2Error
    endpoint: Endpoint

    @property
    def is_for_itself(self) -> bool:
        """Whether a client asks for a token of its own: all that this writes is the token."""
        asks_token = self.endpoint is answer_token
        return asks_token and self.ask.form.get("grant_type") == "client_credentials"


@dataclass(frozen=True)
class Desk:
    """Answers forms; built once by the composition root, so that they wait together."""

    authority: Authority

    def answer_together(self, conn: Connection, filed: Sequence[Filed]) -> list[Answer | Exception]:
        """For each its answer, or the error that nothing can be answered for now (KeysWanted).

        That a caller was counted, and that an assertion or a proof was used, stays whatever comes
        of the rest. An endpoint is undone where it says so, alone.
        """
        server = Server(conn, self.authority)
        callers = admit(conn, self.authority, [(one.ask, one.shown) for one in filed])
        answers = [
            self._answer(server, one, caller) for one, caller in zip(filed, callers, strict=True)
        ]
        server.flush()
        return answers

    def _answer(self, server: Server, filed: Filed, caller: Admitted) -> Answer | Exception:
        if isinstance(caller, Exception):
            return domain_refusal(caller) if isinstance(caller, DomainError) else caller
        if caller.error is not None:
            return refusal(caller.error)
        try:
            if filed.is_for_itself:
                return server.answer_token(filed.ask, caller)
            with server.conn.begin_nested():
                answer = filed.endpoint(server.conn, self.authority, filed.ask, caller)
        except Undone as refused:
            answer = refused.answer
        except OAuth2Error as error:
            answer = refusal(error)
        except DomainError as error:
            answer = domain_refusal(error)
        return answer
