"""Identifiers."""

from datetime import timedelta

from app.kit.ids import new_ordered_id
from tests.kit.test_db import NOW


def test_ordered_ids_are_versions_7_in_the_order_of_their_making() -> None:
    made = [new_ordered_id(NOW + timedelta(milliseconds=n)) for n in range(200)]
    assert made == sorted(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    assert made[0].int >> 80 == int(NOW.timestamp() * 1000)
    assert len({new_ordered_id(NOW) for _ in range(1000)}) == 1000
