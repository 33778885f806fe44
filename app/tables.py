"""Every table of the service, for migrations: importing the models registers them."""

from app.accesses import models as _accesses
from app.accounts import models as _accounts
from app.consent import models as _consent
from app.exports import models as _exports
from app.kit import idempotency as _idempotency
from app.kit import jobs as _jobs
from app.kit import limits as _limits
from app.kit.db import Base
from app.oauth import models as _oauth
from app.objects import models as _objects
from app.organizations import models as _organizations
from app.terms import models as _terms
from app.usage import models as _usage

__all__ = ["metadata"]

metadata = Base.metadata

_REGISTERED = (
    _accesses,
    _accounts,
    _consent,
    _exports,
    _idempotency,
    _jobs,
    _limits,
    _oauth,
    _objects,
    _organizations,
    _terms,
    _usage,
)
