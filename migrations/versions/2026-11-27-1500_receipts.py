"""receipts of what became of permissions"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'receipts'
down_revision = 'agreements_held'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('receipts',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('number', columns.Whole(), nullable=False),
    sa.Column('what', columns.Words(20), nullable=False),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.Column('content', columns.Blob(1048576), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'grant_id', 'number', name=op.f('pk_receipts')),
    info={'family': 'owner'},
    sqlite_strict=True
    )


def downgrade() -> None:
    op.drop_table('receipts')
