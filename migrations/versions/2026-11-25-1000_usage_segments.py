"""usage segments

The log's rows become sealed segments. What stood in rows cannot be carried over: their chain would
begin with this migration and prove nothing. So it stops where there are any.
"""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

from app.kit import columns

revision = 'usage_segments'
down_revision = 'object_keys'
branch_labels = None
depends_on = None


def upgrade() -> None:
    rows = op.get_bind().execute(sa.text('SELECT count(*) FROM usage_records')).scalar_one()
    if rows:
        raise CommandError(
            f"The log has {rows} records from before it was sealed, which this version cannot read. "
            "Export them with the version that wrote them, and begin with a new database."
        )
    op.drop_index('ix_usage_records_time', table_name='usage_records')
    op.drop_table('usage_records')
    op.drop_table('usage_record_ids')
    op.drop_table('usage_heads')
    op.add_column('streams', sa.Column('keep_days', columns.Whole(), nullable=True))
    op.add_column('tenures', sa.Column('pauses', columns.Json(), nullable=True))
    op.add_column('tenures', sa.Column('keep_days', columns.Json(), nullable=True))
    op.create_table('usage_heads',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('stream', columns.Words(40), nullable=False),
    sa.Column('next_seq', columns.Whole(), nullable=False),
    sa.Column('head', columns.Blob(32), nullable=False),
    sa.Column('gone', columns.Whole(), nullable=False),
    sa.Column('reach', columns.Whole(), nullable=False),
    sa.Column('loose', columns.Whole(), nullable=False),
    sa.Column('packed_to', columns.Whole(), nullable=False),
    sa.Column('key_turn', columns.Whole(), nullable=False),
    sa.Column('expires_at', columns.Instant(), nullable=True),
    sa.Column('last_placed_at', columns.Instant(), nullable=False),
    sa.Column('last_received_at', columns.Instant(), nullable=False),
    sa.Column('key_id', columns.Id(), nullable=False),
    sa.Column('seal', columns.Blob(28), nullable=False),
    sa.PrimaryKeyConstraint('object_id', 'tenure_id', 'stream', name=op.f('pk_usage_heads')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_index('ix_usage_heads_loose', 'usage_heads', ['loose', 'object_id'], unique=False)
    op.create_index('ix_usage_heads_expires', 'usage_heads', ['expires_at', 'object_id'], unique=False)
    op.create_table('usage_corrections',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('stream', columns.Words(40), nullable=False),
    sa.Column('name_hash', columns.Blob(32), nullable=False),
    sa.Column('received_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('object_id', 'tenure_id', 'stream', 'name_hash', name=op.f('pk_usage_corrections')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_table('usage_recent_names',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('name_hash', columns.Blob(32), nullable=False),
    sa.Column('content_hash', columns.Blob(32), nullable=False),
    sa.Column('forget_at', columns.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('object_id', 'name_hash', name=op.f('pk_usage_recent_names')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_index(op.f('ix_usage_recent_names_forget_at'), 'usage_recent_names', ['forget_at'], unique=False)
    op.create_table('usage_removals',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('removal_id', columns.Id(), nullable=False),
    sa.Column('stream', columns.Words(40), nullable=False),
    sa.Column('placed_from', columns.Instant(), nullable=True),
    sa.Column('placed_to', columns.Instant(), nullable=True),
    sa.Column('reason', columns.Words(10), nullable=False),
    sa.Column('count', columns.Whole(), nullable=False),
    sa.Column('keys', columns.Json(), nullable=False),
    sa.Column('removed_at', columns.Instant(), nullable=False),
    sa.Column('final_at', columns.Instant(), nullable=True),
    sa.Column('key_id', columns.Id(), nullable=False),
    sa.Column('seal', columns.Blob(28), nullable=False),
    sa.CheckConstraint("reason IN ('owner','retention')", name=op.f('ck_usage_removals_reason')),
    sa.PrimaryKeyConstraint('object_id', 'tenure_id', 'removal_id', name=op.f('pk_usage_removals')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_index('ix_usage_removals_final', 'usage_removals', ['final_at', 'object_id'], unique=False)
    op.create_table('usage_sequence_runs',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('stream', columns.Words(40), nullable=False),
    sa.Column('epoch', columns.Words(64), nullable=False),
    sa.Column('first', columns.Whole(), nullable=False),
    sa.Column('last', columns.Whole(), nullable=False),
    sa.PrimaryKeyConstraint('object_id', 'tenure_id', 'stream', 'epoch', 'first', name=op.f('pk_usage_sequence_runs')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_table('usage_segments',
    sa.Column('object_id', columns.Id(), nullable=False),
    sa.Column('tenure_id', columns.Id(), nullable=False),
    sa.Column('stream', columns.Words(40), nullable=False),
    sa.Column('first_seq', columns.Whole(), nullable=False),
    sa.Column('records', columns.Whole(), nullable=False),
    sa.Column('placed_from', columns.Instant(), nullable=False),
    sa.Column('placed_to', columns.Instant(), nullable=False),
    sa.Column('days', columns.Json(), nullable=True),
    sa.Column('state', columns.Words(10), nullable=False),
    sa.Column('signed_by', columns.Words(64), nullable=True),
    sa.Column('key_id', columns.Id(), nullable=False),
    sa.Column('key_turn', columns.Whole(), nullable=False),
    sa.Column('head_before', columns.Blob(32), nullable=False),
    sa.Column('head_after', columns.Blob(32), nullable=False),
    sa.Column('sealed', columns.Blob(20971520), nullable=False),
    sa.CheckConstraint("state IN ('stored','expired','erased')", name=op.f('ck_usage_segments_state')),
    sa.ForeignKeyConstraint(['object_id', 'tenure_id'], ['tenures.object_id', 'tenures.tenure_id'], name=op.f('fk_usage_segments_object_id_tenure_id')),
    sa.PrimaryKeyConstraint('object_id', 'tenure_id', 'stream', 'first_seq', name=op.f('pk_usage_segments')),
    info={'family': 'object'},
    sqlite_strict=True
    )
    op.create_index('ix_usage_segments_time', 'usage_segments', ['object_id', 'tenure_id', 'stream', 'placed_from', 'first_seq'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_usage_segments_time', table_name='usage_segments')
    op.drop_table('usage_segments')
    op.drop_table('usage_sequence_runs')
    op.drop_index('ix_usage_removals_final', table_name='usage_removals')
    op.drop_table('usage_removals')
    op.drop_index(op.f('ix_usage_recent_names_forget_at'), table_name='usage_recent_names')
    op.drop_table('usage_recent_names')
    op.drop_table('usage_corrections')
    op.drop_index('ix_usage_heads_expires', table_name='usage_heads')
    op.drop_index('ix_usage_heads_loose', table_name='usage_heads')
    op.drop_table('usage_heads')
    op.drop_column('tenures', 'keep_days')
    op.drop_column('tenures', 'pauses')
    op.drop_column('streams', 'keep_days')
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
