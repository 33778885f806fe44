"""A query that is read after the token: who calls decides first, and only then what is asked."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.kit.errors import DomainError, InvalidRequest, MalformedRequest
from app.kit.problems import invalid_parts

Query = TypeVar("Query", bound=BaseModel)

_ONCE = "this parameter comes once"


def read_query(request: Request, model: type[Query]) -> Query | DomainError:
    """The query as the model, or what is wrong with it, for the caller to raise or to record.

    A parameter that comes twice is wrong: two readers of one address might each take another.
    """
    given = request.query_params.multi_items()
    if any("\0" in part for pair in given for part in pair):
        return MalformedRequest("The query contains NUL.")
    known = [field.alias or name for name, field in model.model_fields.items()]
    twice = [name for name in known if len(request.query_params.getlist(name)) > 1]
    if twice:
        return _invalid([{"loc": (name,), "msg": _ONCE} for name in twice])
    try:
        return model.model_validate({name: text for name, text in given if name in known})
    except ValidationError as error:
        return _invalid(error.errors())


def query_parameters(model: type[BaseModel]) -> dict[str, Any]:
    """The model as parameters of an operation's description (OpenAPI 3.1)."""
    parameters = []
    whole = model.model_json_schema()
    needed = whole.get("required", [])
    for name, schema in whole["properties"].items():
        told = {"name": name, "in": "query", "required": name in needed, "schema": schema}
        if "description" in schema:
            told["description"] = schema["description"]
        parameters.append(told)
    return {"parameters": parameters}


def _invalid(faults: list[Any]) -> InvalidRequest:
    return invalid_parts(_in_query(fault) for fault in faults)


def _in_query(fault: Mapping[str, Any]) -> dict[str, Any]:
    return {**fault, "loc": ("query", *fault["loc"])}
