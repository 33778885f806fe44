"""what happened to an account and its permissions, for its owner"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'security_log'
down_revision = 'oauth_server'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('security_events',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('event_id', columns.Id(), nullable=False),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.Column('kind', columns.Words(40), nullable=False),
    sa.Column('name', columns.Words(200), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=True),
    sa.Column('grant_id', columns.Id(), nullable=True),
    sa.PrimaryKeyConstraint('owner_id', 'event_id', name=op.f('pk_security_events')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_index('ix_security_events_at', 'security_events', ['owner_id', 'at', 'event_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_security_events_at', table_name='security_events')
    op.drop_table('security_events')
