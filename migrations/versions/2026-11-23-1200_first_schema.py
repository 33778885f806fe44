"""first schema"""

import sqlalchemy as sa
from alembic import op

from app.kit import columns

revision = 'first_schema'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('access_requests',
    sa.Column('request_hash', columns.Blob(32), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('asked', columns.Json(), nullable=False),
    sa.Column('protocol', columns.Json(), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=True),
    sa.Column('status', columns.Words(20), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('answered_at', columns.Instant(), nullable=True),
    sa.CheckConstraint("status IN ('waiting','granted','refused')", name=op.f('ck_access_requests_status')),
    sa.PrimaryKeyConstraint('request_hash', name=op.f('pk_access_requests')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_access_requests_expires_at'), 'access_requests', ['expires_at'], unique=False)
    op.create_index(op.f('ix_access_requests_owner_id'), 'access_requests', ['owner_id'], unique=False)
    op.create_table('accesses',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('access_id', columns.Id(), nullable=False),
    sa.Column('place', columns.Whole(), nullable=False),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.Column('object_id', columns.Id(), nullable=True),
    sa.Column('tenure_id', columns.Id(), nullable=True),
    sa.Column('client_id', columns.Words(100), nullable=True),
    sa.Column('reader', columns.Words(200), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=True),
    sa.Column('grant_version', columns.Whole(), nullable=True),
    sa.Column('action', columns.Words(20), nullable=False),
    sa.Column('asked', columns.Json(), nullable=False),
    sa.Column('streams', columns.Json(), nullable=False),
    sa.Column('window_from', columns.Instant(), nullable=True),
    sa.Column('window_to', columns.Instant(), nullable=True),
    sa.Column('precision', columns.Words(40), nullable=True),
    sa.Column('count', columns.Whole(), nullable=False),
    sa.Column('result', columns.Words(20), nullable=False),
    sa.Column('rule', columns.Words(60), nullable=True),
    sa.Column('times', columns.Whole(), nullable=False),
    sa.Column('send_by', columns.Instant(), nullable=True),
    sa.CheckConstraint("result IN ('given','refused')", name=op.f('ck_accesses_result')),
    sa.PrimaryKeyConstraint('owner_id', 'access_id', 'place', name=op.f('pk_accesses')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_index('ix_accesses_at', 'accesses', ['owner_id', 'at'], unique=False)
    op.create_index('ix_accesses_grant', 'accesses', ['owner_id', 'grant_id', 'send_by'], unique=False)
    op.create_table('authorization_codes',
    sa.Column('code_hash', columns.Blob(32), nullable=False),
    sa.Column('family_id', columns.Id(), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('redirect_uri', columns.Words(2000), nullable=False),
    sa.Column('scopes', columns.Json(), nullable=False),
    sa.Column('challenge', columns.Words(128), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('used_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('code_hash', name=op.f('pk_authorization_codes')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_authorization_codes_expires_at'), 'authorization_codes', ['expires_at'], unique=False)
    op.create_table('ceremonies',
    sa.Column('ceremony_hash', columns.Blob(32), nullable=False),
    sa.Column('challenge', columns.Blob(64), nullable=False),
    sa.Column('kind', columns.Words(20), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=True),
    sa.Column('details', columns.Json(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('ceremony_hash', name=op.f('pk_ceremonies')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_table('claim_codes',
    sa.Column('code_hash', columns.Blob(32), nullable=False),
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('used_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('code_hash', name=op.f('pk_claim_codes')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_claim_codes_object_id'), 'claim_codes', ['object_id'], unique=False)
    op.create_table('email_lookup',
    sa.Column('email_hash', columns.Blob(32), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.PrimaryKeyConstraint('email_hash', name=op.f('pk_email_lookup')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_table('exports',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('export_id', columns.Id(), nullable=False),
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('object_name', columns.Words(200), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('file', columns.Words(100), nullable=True),
    sa.Column('size', columns.Whole(), nullable=True),
    sa.Column('sha256', columns.Blob(32), nullable=True),
    sa.PrimaryKeyConstraint('owner_id', 'export_id', name=op.f('pk_exports')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_exports_expires_at'), 'exports', ['expires_at'], unique=False)
    op.create_table('flashes',
    sa.Column('session_hash', columns.Blob(32), nullable=False),
    sa.Column('text', columns.Words(500), nullable=False),
    sa.Column('tone', columns.Words(20), nullable=False),
    sa.PrimaryKeyConstraint('session_hash', name=op.f('pk_flashes')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_table('grant_events',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('version', columns.Whole(), nullable=False),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.Column('what', columns.Words(20), nullable=False),
    sa.Column('actor_id', columns.Id(), nullable=True),
    sa.Column('text', columns.Words(2000), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'grant_id', 'version', name=op.f('pk_grant_events')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('grants',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('org_id', columns.Id(), nullable=False),
    sa.Column('purpose', columns.Words(100), nullable=False),
    sa.Column('legal_basis', columns.Words(100), nullable=False),
    sa.Column('agreement', columns.Words(100), nullable=True),
    sa.Column('status', columns.Words(20), nullable=False),
    sa.Column('version', columns.Whole(), nullable=False),
    sa.Column('until', columns.Instant(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('ended_at', columns.Instant(), nullable=True),
    sa.CheckConstraint("status IN ('active','paused','revoked','ended','expired','superseded')", name=op.f('ck_grants_status')),
    sa.PrimaryKeyConstraint('owner_id', 'grant_id', name=op.f('pk_grants')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_index('ix_grants_client', 'grants', ['owner_id', 'client_id'], unique=False)
    op.create_table('holdings',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('name', columns.Words(100), nullable=False),
    sa.Column('since', columns.Instant(), nullable=False),
    sa.Column('ended_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('owner_id', 'object_id', 'tenure_id', name=op.f('pk_holdings')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('inbox',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('request_hash', columns.Blob(32), nullable=False),
    sa.Column('ticket', columns.Words(100), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('purpose', columns.Words(100), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('owner_id', 'request_hash', name=op.f('pk_inbox')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('jobs',
    sa.Column('job_id', columns.Id(), nullable=False),
    sa.Column('kind', columns.Words(64), nullable=False),
    sa.Column('subject', columns.Id(), nullable=False),
    sa.Column('payload', columns.Json(), nullable=False),
    sa.Column('state', columns.Words(16), nullable=False),
    sa.Column('position', columns.Json(), nullable=True),
    sa.Column('done', columns.Whole(), nullable=False),
    sa.Column('total', columns.Whole(), nullable=False),
    sa.Column('attempts', columns.Whole(), nullable=False),
    sa.Column('failure', columns.Words(500), nullable=True),
    sa.Column('holder', columns.Id(), nullable=True),
    sa.Column('run_at', columns.Instant(), nullable=False),
    sa.Column('lease_until', columns.Instant(), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('finished_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('job_id', name=op.f('pk_jobs')),
    info={'family': 'local'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_jobs_state'), 'jobs', ['state'], unique=False)
    op.create_index(op.f('ix_jobs_subject'), 'jobs', ['subject'], unique=False)
    op.create_table('kept_answers',
    sa.Column('key_hash', columns.Blob(32), nullable=False),
    sa.Column('request_hash', columns.Blob(32), nullable=False),
    sa.Column('status', columns.Whole(), nullable=False),
    sa.Column('is_sealed', columns.Flag(), nullable=False),
    sa.Column('body', columns.Blob(16777216), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('key_hash', name=op.f('pk_kept_answers')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_kept_answers_expires_at'), 'kept_answers', ['expires_at'], unique=False)
    op.create_table('mint_reports',
    sa.Column('job_id', columns.Id(), nullable=False),
    sa.Column('part', columns.Whole(), nullable=False),
    sa.Column('sealed', columns.Blob(4194304), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('job_id', 'part', name=op.f('pk_mint_reports')),
    info={'family': 'local'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_mint_reports_expires_at'), 'mint_reports', ['expires_at'], unique=False)
    op.create_table('organizations',
    sa.Column('org_id', columns.Id(), nullable=False),
    sa.Column('slug', columns.Words(80), nullable=False),
    sa.Column('name', columns.Words(200), nullable=False),
    sa.Column('country', columns.Words(2), nullable=True),
    sa.Column('website', columns.Words(500), nullable=True),
    sa.Column('contact', columns.Words(320), nullable=True),
    sa.Column('verified_domain', columns.Words(253), nullable=True),
    sa.Column('gs1_prefixes', columns.Json(), nullable=False),
    sa.Column('any_gtin', columns.Flag(), nullable=False),
    sa.Column('ticket_key', columns.Json(), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', name=op.f('pk_organizations')),
    sa.UniqueConstraint('slug', name=op.f('uq_organizations_slug')),
    info={'family': 'reference'},
    sqlite_strict=True
    )
    op.create_table('owners',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('kind', columns.Words(20), nullable=False),
    sa.Column('name', columns.Words(200), nullable=False),
    sa.Column('email', columns.Words(320), nullable=True),
    sa.Column('time_zone', columns.Words(64), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.CheckConstraint("kind IN ('person','organization')", name=op.f('ck_owners_kind')),
    sa.PrimaryKeyConstraint('owner_id', name=op.f('pk_owners')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('passkey_lookup',
    sa.Column('credential_hash', columns.Blob(32), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('passkey_id', columns.Id(), nullable=False),
    sa.PrimaryKeyConstraint('credential_hash', name=op.f('pk_passkey_lookup')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_table('pseudonyms',
    sa.Column('pseudonym', columns.Id(), nullable=False),
    sa.Column('org_id', columns.Id(), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.PrimaryKeyConstraint('pseudonym', name=op.f('pk_pseudonyms')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_table('rate_counters',
    sa.Column('key_hash', columns.Blob(32), nullable=False),
    sa.Column('window_at', columns.Instant(), nullable=False),
    sa.Column('count', columns.Whole(), nullable=False),
    sa.PrimaryKeyConstraint('key_hash', 'window_at', name=op.f('pk_rate_counters')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_table('recovery_codes',
    sa.Column('code_hash', columns.Blob(32), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('used_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('code_hash', name=op.f('pk_recovery_codes')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_recovery_codes_owner_id'), 'recovery_codes', ['owner_id'], unique=False)
    op.create_table('sessions',
    sa.Column('session_hash', columns.Blob(32), nullable=False),
    sa.Column('session_id', columns.Id(), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('method', columns.Words(20), nullable=False),
    sa.Column('browser', columns.Words(100), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('last_seen_at', columns.Instant(), nullable=False),
    sa.Column('fresh_at', columns.Instant(), nullable=False),
    sa.Column('ended_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('session_hash', name=op.f('pk_sessions')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_sessions_owner_id'), 'sessions', ['owner_id'], unique=False)
    op.create_table('sign_in_links',
    sa.Column('link_hash', columns.Blob(32), nullable=False),
    sa.Column('email', columns.Words(320), nullable=False),
    sa.Column('next_path', columns.Words(500), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=True),
    sa.Column('details', columns.Json(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('used_at', columns.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('link_hash', name=op.f('pk_sign_in_links')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_table('tokens',
    sa.Column('token_hash', columns.Blob(32), nullable=False),
    sa.Column('token_id', columns.Id(), nullable=False),
    sa.Column('kind', columns.Words(20), nullable=False),
    sa.Column('family_id', columns.Id(), nullable=False),
    sa.Column('generation', columns.Whole(), nullable=False),
    sa.Column('client_id', columns.Words(100), nullable=True),
    sa.Column('owner_id', columns.Id(), nullable=True),
    sa.Column('grant_id', columns.Id(), nullable=True),
    sa.Column('name', columns.Words(100), nullable=True),
    sa.Column('scopes', columns.Json(), nullable=False),
    sa.Column('objects', columns.Json(), nullable=True),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.Column('last_used_at', columns.Instant(), nullable=True),
    sa.Column('used_at', columns.Instant(), nullable=True),
    sa.Column('dead_at', columns.Instant(), nullable=True),
    sa.Column('dead_reason', columns.Words(40), nullable=True),
    sa.CheckConstraint("kind IN ('access','refresh','personal')", name=op.f('ck_tokens_kind')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_tokens')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_tokens_expires_at'), 'tokens', ['expires_at'], unique=False)
    op.create_index(op.f('ix_tokens_family_id'), 'tokens', ['family_id'], unique=False)
    op.create_index(op.f('ix_tokens_owner_id'), 'tokens', ['owner_id'], unique=False)
    op.create_table('usage_heads',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('stream', columns.Words(40), nullable=False),
    sa.Column('next_seq', columns.Whole(), nullable=False),
    sa.Column('last_placed_at', columns.Instant(), nullable=False),
    sa.Column('last_received_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('object_id', 'tenure_id', 'stream', name=op.f('pk_usage_heads')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_table('usage_record_ids',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('id_hash', columns.Blob(32), nullable=False),
    sa.Column('content_hash', columns.Blob(32), nullable=False),
    sa.Column('received_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('object_id', 'id_hash', name=op.f('pk_usage_record_ids')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_table('used_tickets',
    sa.Column('ticket_hash', columns.Blob(32), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('ticket_hash', name=op.f('pk_used_tickets')),
    info={'family': 'hash'},
    sqlite_strict=True
    )
    op.create_table('clients',
    sa.Column('client_id', columns.Words(100), nullable=False),
    sa.Column('org_id', columns.Id(), nullable=False),
    sa.Column('name', columns.Words(200), nullable=False),
    sa.Column('secret_hash', columns.Blob(32), nullable=True),
    sa.Column('redirect_uris', columns.Json(), nullable=False),
    sa.Column('grant_types', columns.Json(), nullable=False),
    sa.Column('scopes', columns.Json(), nullable=False),
    sa.Column('purposes', columns.Json(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('disabled_at', columns.Instant(), nullable=True),
    sa.ForeignKeyConstraint(['org_id'], ['organizations.org_id'], name=op.f('fk_clients_org_id')),
    sa.PrimaryKeyConstraint('client_id', name=op.f('pk_clients')),
    info={'family': 'reference'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_clients_org_id'), 'clients', ['org_id'], unique=False)
    op.create_table('grant_details',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('grant_id', columns.Id(), nullable=False),
    sa.Column('version', columns.Whole(), nullable=False),
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('category', columns.Words(20), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('pseudonym', columns.Id(), nullable=False),
    sa.Column('action', columns.Words(20), nullable=False),
    sa.Column('precision_time', columns.Words(20), nullable=False),
    sa.Column('precision_place', columns.Words(20), nullable=False),
    sa.Column('window_from', columns.Instant(), nullable=True),
    sa.Column('window_to', columns.Instant(), nullable=True),
    sa.Column('until', columns.Instant(), nullable=False),
    sa.CheckConstraint("action IN ('read','summary','stream','bulk')", name=op.f('ck_grant_details_action')),
    sa.ForeignKeyConstraint(['owner_id', 'grant_id'], ['grants.owner_id', 'grants.grant_id'], name=op.f('fk_grant_details_owner_id_grant_id')),
    sa.PrimaryKeyConstraint('owner_id', 'grant_id', 'version', 'object_id', 'category', name=op.f('pk_grant_details')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('memberships',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('member_id', columns.Id(), nullable=False),
    sa.Column('role', columns.Words(20), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.CheckConstraint("role IN ('admin','grant','view','export')", name=op.f('ck_memberships_role')),
    sa.ForeignKeyConstraint(['owner_id'], ['owners.owner_id'], name=op.f('fk_memberships_owner_id')),
    sa.PrimaryKeyConstraint('owner_id', 'member_id', name=op.f('pk_memberships')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('passkeys',
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('passkey_id', columns.Id(), nullable=False),
    sa.Column('credential_id', columns.Blob(1023), nullable=False),
    sa.Column('public_key', columns.Blob(2048), nullable=False),
    sa.Column('sign_count', columns.Whole(), nullable=False),
    sa.Column('name', columns.Words(100), nullable=False),
    sa.Column('is_synced', columns.Flag(), nullable=False),
    sa.Column('created_at', columns.Instant(), nullable=False),
    sa.Column('last_used_at', columns.Instant(), nullable=True),
    sa.ForeignKeyConstraint(['owner_id'], ['owners.owner_id'], name=op.f('fk_passkeys_owner_id')),
    sa.PrimaryKeyConstraint('owner_id', 'passkey_id', name=op.f('pk_passkeys')),
    info={'family': 'owner'},
    sqlite_strict=True
    )
    op.create_table('products',
    sa.Column('product_id', columns.Id(), nullable=False),
    sa.Column('org_id', columns.Id(), nullable=False),
    sa.Column('name', columns.Words(200), nullable=False),
    sa.Column('kind', columns.Words(40), nullable=False),
    sa.Column('gtin', columns.Words(14), nullable=True),
    sa.Column('article_number', columns.Words(100), nullable=True),
    sa.Column('passport', columns.Json(), nullable=False),
    sa.Column('facts', columns.Json(), nullable=False),
    sa.Column('registered_at', columns.Instant(), nullable=False),
    sa.ForeignKeyConstraint(['org_id'], ['organizations.org_id'], name=op.f('fk_products_org_id')),
    sa.PrimaryKeyConstraint('product_id', name=op.f('pk_products')),
    sa.UniqueConstraint('gtin', name=op.f('uq_products_gtin')),
    sa.UniqueConstraint('org_id', 'article_number', name=op.f('uq_products_org_id_article_number')),
    info={'family': 'reference'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_products_org_id'), 'products', ['org_id'], unique=False)
    op.create_table('objects',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('product_id', columns.Id(), nullable=False),
    sa.Column('org_id', columns.Id(), nullable=False),
    sa.Column('serial', columns.Words(100), nullable=False),
    sa.Column('minted_at', columns.Instant(), nullable=False),
    sa.ForeignKeyConstraint(['product_id'], ['products.product_id'], name=op.f('fk_objects_product_id')),
    sa.PrimaryKeyConstraint('object_id', name=op.f('pk_objects')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_index('ix_objects_maker', 'objects', ['org_id', 'object_id'], unique=False)
    op.create_index(op.f('ix_objects_product_id'), 'objects', ['product_id'], unique=False)
    op.create_table('streams',
    sa.Column('product_id', columns.Id(), nullable=False),
    sa.Column('name', columns.Words(40), nullable=False),
    sa.Column('title', columns.Words(200), nullable=False),
    sa.Column('category', columns.Words(20), nullable=False),
    sa.Column('kind', columns.Words(20), nullable=False),
    sa.Column('fields', columns.Json(), nullable=False),
    sa.Column('facts', columns.Json(), nullable=False),
    sa.Column('holder_copy', columns.Words(1000), nullable=False),
    sa.Column('place', columns.Whole(), nullable=False),
    sa.CheckConstraint("kind IN ('instant','interval','counter')", name=op.f('ck_streams_kind')),
    sa.ForeignKeyConstraint(['product_id'], ['products.product_id'], name=op.f('fk_streams_product_id')),
    sa.PrimaryKeyConstraint('product_id', 'name', name=op.f('pk_streams')),
    info={'family': 'reference'},
    sqlite_strict=True
    )
    op.create_table('tenures',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('owner_id', columns.Id(), nullable=False),
    sa.Column('used_by', columns.Words(20), nullable=False),
    sa.Column('starts_at', columns.Instant(), nullable=False),
    sa.Column('claimed_at', columns.Instant(), nullable=False),
    sa.Column('ended_at', columns.Instant(), nullable=True),
    sa.CheckConstraint("used_by IN ('me','household','child','staff')", name=op.f('ck_tenures_used_by')),
    sa.ForeignKeyConstraint(['object_id'], ['objects.object_id'], name=op.f('fk_tenures_object_id')),
    sa.PrimaryKeyConstraint('object_id', 'tenure_id', name=op.f('pk_tenures')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_index('ix_tenures_open', 'tenures', ['object_id'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
    op.create_table('usage_records',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('stream', columns.Words(40), nullable=False),
    sa.Column('seq', columns.Whole(), nullable=False),
    sa.Column('at', columns.Instant(), nullable=False),
    sa.Column('until', columns.Instant(), nullable=True),
    sa.Column('placed_at', columns.Instant(), nullable=False),
    sa.Column('received_at', columns.Instant(), nullable=False),
    sa.Column('flags', columns.Words(100), nullable=False),
    sa.Column('record_id', columns.Words(100), nullable=True),
    sa.Column('body', columns.Words(16000), nullable=False),
    sa.ForeignKeyConstraint(['object_id', 'tenure_id'], ['tenures.object_id', 'tenures.tenure_id'], name=op.f('fk_usage_records_object_id_tenure_id')),
    sa.PrimaryKeyConstraint('object_id', 'tenure_id', 'stream', 'seq', name=op.f('pk_usage_records')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_index('ix_usage_records_time', 'usage_records', ['object_id', 'tenure_id', 'stream', 'placed_at', 'seq'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_usage_records_time', table_name='usage_records')
    op.drop_table('usage_records')
    op.drop_index('ix_tenures_open', table_name='tenures', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
    op.drop_table('tenures')
    op.drop_table('streams')
    op.drop_index(op.f('ix_objects_product_id'), table_name='objects')
    op.drop_index('ix_objects_maker', table_name='objects')
    op.drop_table('objects')
    op.drop_index(op.f('ix_products_org_id'), table_name='products')
    op.drop_table('products')
    op.drop_table('passkeys')
    op.drop_table('memberships')
    op.drop_table('grant_details')
    op.drop_index(op.f('ix_clients_org_id'), table_name='clients')
    op.drop_table('clients')
    op.drop_table('used_tickets')
    op.drop_table('usage_record_ids')
    op.drop_table('usage_heads')
    op.drop_index(op.f('ix_tokens_owner_id'), table_name='tokens')
    op.drop_index(op.f('ix_tokens_family_id'), table_name='tokens')
    op.drop_index(op.f('ix_tokens_expires_at'), table_name='tokens')
    op.drop_table('tokens')
    op.drop_table('sign_in_links')
    op.drop_index(op.f('ix_sessions_owner_id'), table_name='sessions')
    op.drop_table('sessions')
    op.drop_index(op.f('ix_recovery_codes_owner_id'), table_name='recovery_codes')
    op.drop_table('recovery_codes')
    op.drop_table('rate_counters')
    op.drop_table('pseudonyms')
    op.drop_table('passkey_lookup')
    op.drop_table('owners')
    op.drop_table('organizations')
    op.drop_index(op.f('ix_mint_reports_expires_at'), table_name='mint_reports')
    op.drop_table('mint_reports')
    op.drop_index(op.f('ix_kept_answers_expires_at'), table_name='kept_answers')
    op.drop_table('kept_answers')
    op.drop_index(op.f('ix_jobs_subject'), table_name='jobs')
    op.drop_index(op.f('ix_jobs_state'), table_name='jobs')
    op.drop_table('jobs')
    op.drop_table('inbox')
    op.drop_table('holdings')
    op.drop_index('ix_grants_client', table_name='grants')
    op.drop_table('grants')
    op.drop_table('grant_events')
    op.drop_table('flashes')
    op.drop_index(op.f('ix_exports_expires_at'), table_name='exports')
    op.drop_table('exports')
    op.drop_table('email_lookup')
    op.drop_index(op.f('ix_claim_codes_object_id'), table_name='claim_codes')
    op.drop_table('claim_codes')
    op.drop_table('ceremonies')
    op.drop_index(op.f('ix_authorization_codes_expires_at'), table_name='authorization_codes')
    op.drop_table('authorization_codes')
    op.drop_index('ix_accesses_grant', table_name='accesses')
    op.drop_index('ix_accesses_at', table_name='accesses')
    op.drop_table('accesses')
    op.drop_index(op.f('ix_access_requests_owner_id'), table_name='access_requests')
    op.drop_index(op.f('ix_access_requests_expires_at'), table_name='access_requests')
    op.drop_table('access_requests')
