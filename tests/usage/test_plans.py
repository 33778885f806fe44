"""How PostgreSQL finds a page: by index, also where it knows nothing of a table that has grown."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.usage import nearby
from app.usage.entry import from_micros
from tests.support import databases
from tests.usage.scene import MINUTE, Scene

COUNT = 400
MOST = 3 * 102  # rows that a plan may touch for a page of 100 and its margin


@pytest.fixture
def scene(empty_database_url: str, clock: FixedClock) -> Iterator[Scene]:
    """Many segments of one record each, of which the planner knows nothing. In a database of its
    own, because what other tests left behind in a table counts for a plan."""
    databases.migrate(empty_database_url)
    with Database(empty_database_url) as database, database.connection() as conn:
        scene = Scene.built(conn, clock)
        scene.clock.advance(timedelta(days=2))
        scene.send_singly([scene.start + n * MINUTE for n in range(COUNT)])
        yield scene


@pytest.mark.parametrize("engine_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("is_back", [False, True])
def test_a_page_touches_its_own_rows_only(scene: Scene, is_back: bool) -> None:
    asked = nearby.BACK if is_back else nearby.FORWARD
    values = {
        "object_id": scene.object_id,
        "tenure_id": scene.tenure_id,
        "stream": "wash",
        "low": scene.start + 100 * MINUTE,
        "seq": -1,
        "high": from_micros(2**53),
        "limit": 102,
        "wanted": 100,
    }
    plan = explain(scene.conn, asked["postgresql"], values)
    reads = [one for one in plan if "Scan" in one["Node Type"] and "Relation Name" in one]
    touched = sum(
        (one["Actual Rows"] + one.get("Rows Removed by Filter", 0)) * one["Actual Loops"]
        for one in reads
    )
    assert touched <= MOST, plan
    assert {one["Node Type"] for one in reads} == {"Index Scan"}


def explain(conn: Connection, statement: Any, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of the plan as it ran."""
    compiled = statement.compile(dialect=conn.dialect)
    params = {k: v for k, v in values.items() if k in compiled.params}
    found = conn.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}", compiled.construct_params(params)
    ).scalar_one()
    return list(_nodes(found[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)
