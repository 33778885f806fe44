"""what owners proffered and vendors answered, the agreements they hold, limits that were lifted"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'agreements_held'
down_revision = 'grant_zone'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':  # which adds no constraint but with its column
        op.execute(
            'ALTER TABLE grants ADD COLUMN agreement_hash BLOB'
            ' CONSTRAINT ck_grants_agreement_hash_length CHECK (length(agreement_hash) <= 32)'
        )
    else:
        op.add_column('grants', sa.Column('agreement_hash', columns.Blob(32), nullable=True))
    op.create_table('proffers',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('request_hash', columns.Blob(32), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('client_name', columns.Words(200), nullable=False),
    sa.Column('purpose', columns.Words(100), nullable=False),
    sa.Column('terms_version', columns.Whole(), nullable=False),
    sa.Column('agreement', columns.Words(40), nullable=False),
    sa.Column('agreement_hash', columns.Blob(32), nullable=False),
    sa.Column('answer', columns.Words(20), nullable=False),
    sa.Column('answered', columns.Words(40), nullable=True),
    sa.Column('answered_hash', columns.Blob(32), nullable=True),
    sa.Column('is_above', columns.Flag(), nullable=False),
    sa.Column('status', columns.Words(20), nullable=False),
    sa.Column('excesses', columns.Json(), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=True),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('closed_at', columns.Instant(), nullable=True),
    sa.CheckConstraint("answer IN ('accept','alternative','reject')", name=op.f('ck_proffers_answer')),
    sa.CheckConstraint("status IN ('open','held','unheld','refused','unasked')", name=op.f('ck_proffers_status')),
    sa.PrimaryKeyConstraint('owner_id', 'request_hash', name=op.f('pk_proffers')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_index('ix_proffers_at', 'proffers', ['owner_id', 'at', 'request_hash'], unique=False)
    op.create_table('agreements_held',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('version', columns.Whole(), nullable=False),
    sa.Column('document', columns.Blob(16_384), nullable=False),
    sa.Column('signatures', columns.Json(), nullable=False),
    sa.Column('signed_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('owner_id', 'grant_id', 'version', name=op.f('pk_agreements_held')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('lifted_limits',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'client_id', name=op.f('pk_lifted_limits')),
    info={'family': 'owner'},
    sqlite_strict=True
    )


def downgrade() -> None:
    op.drop_table('lifted_limits')
    op.drop_table('agreements_held')
    op.drop_index('ix_proffers_at', table_name='proffers')
    op.drop_table('proffers')
    op.drop_column('grants', 'agreement_hash')
