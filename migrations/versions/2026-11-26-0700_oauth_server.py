"""what the authorization server keeps: pushed requests, device codes, bindings, metadata"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'oauth_server'
down_revision = 'dead_letters'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('organizations', sa.Column('owner_id', columns.Id(), nullable=True))
    op.add_column('clients', sa.Column('registered', columns.Json(), nullable=True))
    op.add_column('authorization_codes', sa.Column('binding', columns.Json(), nullable=True))
    op.add_column('tokens', sa.Column('binding', columns.Json(), nullable=True))
    op.add_column('grant_details', sa.Column('terms', columns.Json(), nullable=True))
    op.drop_index(op.f('ix_tokens_owner_id'), table_name='tokens')
    op.create_index('ix_tokens_owned', 'tokens', ['owner_id'], unique=False, sqlite_where=sa.text('owner_id IS NOT NULL'), postgresql_where=sa.text('owner_id IS NOT NULL'))
    op.create_table('pushed_requests',
    sa.Column('uri_hash', columns.Blob(32), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('parameters', columns.Json(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('uri_hash', name=op.f('pk_pushed_requests')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_pushed_requests_expires_at'), 'pushed_requests', ['expires_at'], unique=False)
    op.create_table('device_codes',
    sa.Column('device_hash', columns.Blob(32), nullable=False),
    sa.Column('user_hash', columns.Blob(32), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('parameters', columns.Json(), nullable=False),
    sa.Column('status', columns.Words(20), nullable=False),
    sa.Column('request_hash', columns.Blob(32), nullable=True),
    sa.Column('owner_id', columns.Id(), nullable=True),
    sa.Column('grant_id', columns.Id(), nullable=True),
    sa.Column('interval_seconds', columns.Whole(), nullable=False),
    sa.Column('polled_at', columns.Instant(), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.CheckConstraint("status IN ('waiting','granted','refused','used')", name=op.f('ck_device_codes_status')),
    sa.PrimaryKeyConstraint('device_hash', name=op.f('pk_device_codes')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_device_codes_expires_at'), 'device_codes', ['expires_at'], unique=False)
    op.create_index(op.f('ix_device_codes_user_hash'), 'device_codes', ['user_hash'], unique=False)
    op.create_index(op.f('ix_device_codes_request_hash'), 'device_codes', ['request_hash'], unique=False)
    op.create_table('seen_once',
    sa.Column('seen_hash', columns.Blob(32), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('seen_hash', name=op.f('pk_seen_once')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_seen_once_expires_at'), 'seen_once', ['expires_at'], unique=False)
    op.create_table('registration_tokens',
    sa.Column('token_hash', columns.Blob(32), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=True),
    sa.Column('dead_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_registration_tokens')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_registration_tokens_client_id'), 'registration_tokens', ['client_id'], unique=False)
    op.create_table('grant_uses',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('category', columns.Words(20), nullable=False),
    sa.Column('used', columns.Whole(), nullable=False),
    sa.Column('recent', columns.Json(), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'grant_id', 'object_id', 'category', name=op.f('pk_grant_uses')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('grant_places',
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.PrimaryKeyConstraint('grant_id', name=op.f('pk_grant_places')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index('ix_grant_places_client', 'grant_places', ['client_id', 'grant_id'], unique=False)
    op.execute('INSERT INTO grant_places (grant_id, client_id, owner_id) SELECT grant_id, client_id, owner_id FROM grants')


def downgrade() -> None:
    op.drop_index('ix_grant_places_client', table_name='grant_places')
    op.drop_table('grant_places')
    op.drop_table('grant_uses')
    op.drop_index(op.f('ix_registration_tokens_client_id'), table_name='registration_tokens')
    op.drop_table('registration_tokens')
    op.drop_index(op.f('ix_seen_once_expires_at'), table_name='seen_once')
    op.drop_table('seen_once')
    op.drop_index(op.f('ix_device_codes_user_hash'), table_name='device_codes')
    op.drop_index(op.f('ix_device_codes_request_hash'), table_name='device_codes')
    op.drop_index(op.f('ix_device_codes_expires_at'), table_name='device_codes')
    op.drop_table('device_codes')
    op.drop_index(op.f('ix_pushed_requests_expires_at'), table_name='pushed_requests')
    op.drop_table('pushed_requests')
    op.drop_index('ix_tokens_owned', table_name='tokens', sqlite_where=sa.text('owner_id IS NOT NULL'), postgresql_where=sa.text('owner_id IS NOT NULL'))
    op.create_index(op.f('ix_tokens_owner_id'), 'tokens', ['owner_id'], unique=False)
    for table, column in (
        ('grant_details', 'terms'),
        ('tokens', 'binding'),
        ('authorization_codes', 'binding'),
        ('clients', 'registered'),
        ('organizations', 'owner_id'),
    ):
        op.drop_column(table, column)
