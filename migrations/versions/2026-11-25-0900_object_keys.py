"""object keys"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'object_keys'
down_revision = 'first_schema'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('object_keys',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('key_id', columns.Words(43), nullable=False),
    sa.Column('jwk', columns.Json(), nullable=False),
    sa.Column('alg', columns.Words(20), nullable=False),
    sa.Column('not_before', columns.Instant(), nullable=False),
    sa.Column('not_after', columns.Instant(), nullable=False),
    sa.Column('registered_at', columns.Instant(), nullable=False),
    sa.Column('revoked_at', columns.Instant(), nullable=True),
    sa.CheckConstraint("alg IN ('Ed25519','ES256')", name=op.f('ck_object_keys_alg')),
    sa.ForeignKeyConstraint(['object_id'], ['objects.object_id'], name=op.f('fk_object_keys_object_id')),
    sa.PrimaryKeyConstraint('object_id', 'key_id', name=op.f('pk_object_keys')),
    info={'family': 'object'},
    sqlite_strict=True
    )


def downgrade() -> None:
    op.drop_table('object_keys')
