"""What the doors find in `app.state` beside the tools of `kit`: the keys of the log, and what
taking records in needs."""

from typing import Annotated

from fastapi import Depends, Request

from app.consent.agreed import Notary
from app.keys.eager import EagerKeys
from app.keys.log_keys import LogKeys
from app.oauth.authority import Authority
from app.usage.ingest import Taker


async def _log_keys(request: Request) -> LogKeys:
    found: LogKeys = request.app.state.log_keys
    return found


async def _open_keys(request: Request) -> EagerKeys:
    return EagerKeys(request.app.state.log_keys)


async def _taker(request: Request) -> Taker:
    found: Taker = request.app.state.taker
    return found


async def _authority(request: Request) -> Authority:
    found: Authority = request.app.state.authority
    return found


async def _notary(request: Request) -> Notary:
    authority: Authority = request.app.state.authority
    return Notary(authority.issuer, authority.keyring.sign)


AppAuthority = Annotated[Authority, Depends(_authority)]
AppLogKeys = Annotated[LogKeys, Depends(_log_keys)]
AppNotary = Annotated[Notary, Depends(_notary)]
AppOpenKeys = Annotated[EagerKeys, Depends(_open_keys)]
AppTaker = Annotated[Taker, Depends(_taker)]
