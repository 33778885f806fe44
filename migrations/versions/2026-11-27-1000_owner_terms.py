"""the terms that owners proffer, in versions"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'owner_terms'
down_revision = 'erasure_duties'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('terms',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('version', columns.Whole(), nullable=False),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.Column('agreement', columns.Words(40), nullable=False),
    sa.Column('agreement_hash', columns.Blob(32), nullable=False),
    sa.Column('ceilings', columns.Json(), nullable=False),
    sa.Column('refuses_unasked', columns.Flag(), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'version', name=op.f('pk_terms')),
    info={'family': 'owner'},
    sqlite_strict=True
    )


def downgrade() -> None:
    op.drop_table('terms')
