"""in whose days and weeks a grant is told"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'grant_zone'
down_revision = 'owner_terms'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':  # adds a column, but no constraint of the table
        check = 'CONSTRAINT ck_grant_details_zone_length CHECK (length(zone) <= 64)'
        op.execute(f'ALTER TABLE grant_details ADD COLUMN zone TEXT {check}')
    else:
        op.add_column('grant_details', sa.Column('zone', columns.Words(64), nullable=True))


def downgrade() -> None:
    op.drop_column('grant_details', 'zone')
