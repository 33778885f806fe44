"""The security page: passkeys, other ways in, sessions, name and time zone."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Depends, Form, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from app.accounts import owners, passkeys, recovery, sessions
from app.accounts.errors import DomainErrorList
