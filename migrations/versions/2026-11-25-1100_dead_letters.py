"""dead letters"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'dead_letters'
down_revision = 'usage_segments'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('dead_letters',
    sa.Column('org_id', columns.Id(), nullable=False),
    sa.Column('letter_id', columns.Id(), nullable=False),
    sa.Column('topic', columns.Words(500), nullable=False),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.Column('reason', columns.Words(100), nullable=False),
    sa.Column('refused', columns.Whole(), nullable=True),
    sa.Column('line', columns.Whole(), nullable=True),
    sa.Column('size', columns.Whole(), nullable=False),
    sa.Column('sha256', columns.Blob(32), nullable=False),
    sa.ForeignKeyConstraint(['org_id'], ['organizations.org_id'], name=op.f('fk_dead_letters_org_id')),
    sa.PrimaryKeyConstraint('org_id', 'letter_id', name=op.f('pk_dead_letters')),
    info={'family': 'local'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_dead_letters_at'), 'dead_letters', ['at'], unique=False)
    op.create_index('ix_dead_letters_maker', 'dead_letters', ['org_id', 'at', 'letter_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_dead_letters_maker', table_name='dead_letters')
    op.drop_index(op.f('ix_dead_letters_at'), table_name='dead_letters')
    op.drop_table('dead_letters')
