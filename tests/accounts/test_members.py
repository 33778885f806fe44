"""Organizations that own objects, and their members."""

import pytest
from sqlalchemy.orm import Session

from app.accounts import members
from app.accounts.errors import LastAdmin, OwnerUnknown, RoleUnknown
from app.kit.clock import FixedClock
from tests.factories.accounts import make_owner


def test_founder_is_admin_and_admits_others(db: Session, clock: FixedClock) -> None:
    founder, helper = make_owner(db, clock), make_owner(db, clock)
    laundry = members.create_organization_owner(db, clock, "A laundry", founder.owner_id)
    members.add_member(db, clock, laundry.owner_id, helper.owner_id, "view")
    assert laundry.kind == "organization"
    assert members.role_of(db, laundry.owner_id, founder.owner_id) == "admin"
    assert members.role_of(db, laundry.owner_id, helper.owner_id) == "view"
    assert members.role_of(db, helper.owner_id, laundry.owner_id) is None
    assert len(members.list_members(db, laundry.owner_id)) == 2


def test_last_admin_stays(db: Session, clock: FixedClock) -> None:
    founder, helper = make_owner(db, clock), make_owner(db, clock)
    laundry = members.create_organization_owner(db, clock, "A laundry", founder.owner_id)
    members.add_member(db, clock, laundry.owner_id, helper.owner_id, "grant")
    with pytest.raises(LastAdmin):
        members.remove_member(db, laundry.owner_id, founder.owner_id)
    with pytest.raises(LastAdmin):
        members.add_member(db, clock, laundry.owner_id, founder.owner_id, "view")
    members.add_member(db, clock, laundry.owner_id, helper.owner_id, "admin")
    members.remove_member(db, laundry.owner_id, founder.owner_id)
    assert members.role_of(db, laundry.owner_id, founder.owner_id) is None


def test_member_is_a_person_in_a_known_role(db: Session, clock: FixedClock) -> None:
    founder = make_owner(db, clock)
    laundry = members.create_organization_owner(db, clock, "A laundry", founder.owner_id)
    with pytest.raises(RoleUnknown):
        members.add_member(db, clock, laundry.owner_id, founder.owner_id, "king")
    with pytest.raises(OwnerUnknown):
        members.add_member(db, clock, laundry.owner_id, laundry.owner_id, "view")
    with pytest.raises(OwnerUnknown):
        members.add_member(db, clock, founder.owner_id, founder.owner_id, "view")
