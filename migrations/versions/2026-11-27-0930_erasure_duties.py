"""what vendors owe when a permission has ended"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'erasure_duties'
down_revision = 'security_log'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('erasure_duties',
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('asked_at', columns.Instant(), nullable=False),
    sa.Column('due_at', columns.Instant(), nullable=False),
    sa.Column('is_ordered', columns.Flag(), nullable=False),
    sa.Column('answer', columns.Words(20), nullable=True),
    sa.Column('statement', columns.Words(2000), nullable=False),
    sa.Column('answered_at', columns.Instant(), nullable=True),
    sa.CheckConstraint("answer IN ('erased','kept')", name=op.f('ck_erasure_duties_answer')),
    sa.PrimaryKeyConstraint('grant_id', name=op.f('pk_erasure_duties')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index('ix_erasure_duties_client', 'erasure_duties', ['client_id', 'due_at', 'grant_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_erasure_duties_client', table_name='erasure_duties')
    op.drop_table('erasure_duties')
