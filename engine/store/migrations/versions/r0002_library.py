"""The library: sounds by their content, takes that are found by their words, presets, jobs, history."""

import sqlalchemy as sa
from alembic import op

from engine.store.words import folded

revision = "0002"
down_revision = "0001"

TAKE = ("search_text", "seconds", "pinned", "origin", "facts", "used_at", "media")
AT_ONCE = 5000


def upgrade() -> None:
    """Make what is new, and find the words of the takes that are there."""
    _make_tables()
    with op.batch_alter_table("take") as take:
        take.add_column(sa.Column("search_text", sa.String, nullable=False, server_default=""))
        take.add_column(sa.Column("seconds", sa.Double, nullable=False, server_default="0"))
        take.add_column(sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()))
        take.add_column(sa.Column("origin", sa.String, nullable=False, server_default=""))
        take.add_column(sa.Column("facts", sa.String, nullable=False, server_default=""))
        take.add_column(sa.Column("used_at", sa.DateTime, nullable=True))
        take.add_column(sa.Column("media", sa.String, nullable=True))
        take.create_foreign_key("fk_take_media", "media", ["media"], ["sha256"])
    _find_words()
    op.execute("UPDATE take SET used_at = made_at")
    with op.batch_alter_table("take") as take:
        take.alter_column("used_at", nullable=False)
    with op.batch_alter_table("sample") as sample:
        sample.add_column(sa.Column("media", sa.String, nullable=True))
        sample.create_foreign_key("fk_sample_media", "media", ["media"], ["sha256"])
    op.create_index("ix_take_voice", "take", ["voice", sa.text("id DESC")])
    op.create_index("ix_take_media", "take", ["media"])
    op.create_index("ix_sample_media", "sample", ["media"])
    _make_search()


def downgrade() -> None:
    """Remove it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_take_search")
    else:
        for trigger in ("take_search_new", "take_search_gone", "take_search_changed"):
            op.execute(f"DROP TRIGGER {trigger}")
        op.execute("DROP TABLE take_search")
    for name, table in (("ix_sample_media", "sample"), ("ix_take_media", "take"), ("ix_take_voice", "take")):
        op.drop_index(name, table)
    for table, columns in (("sample", ("media",)), ("take", TAKE)):
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"fk_{table}_media", type_="foreignkey")
            for column in columns:
                batch.drop_column(column)
    for table in ("history", "job", "preset", "media"):
        op.drop_table(table)


def _make_tables() -> None:
    op.create_table(
        "media",
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("suffix", sa.String, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("bytes", "frames")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("sample_rate", "channels")),
        sa.Column("made_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "preset",
        *(sa.Column(name, sa.String, primary_key=True) for name in ("kind", "id")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("body", "made_by")),
        sa.Column("made_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("verb", "what", "state", "made_by", "result")),
        sa.Column("begun_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime, nullable=True),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("made_by", "verb", "kind", "thing", "said")),
        sa.Column("made_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_history_thing", "history", ["kind", "thing"])


def _find_words() -> None:
    bind = op.get_bind()
    last = 0
    while rows := bind.execute(
        sa.text("SELECT id, text FROM take WHERE id > :last ORDER BY id LIMIT :many"), {"last": last, "many": AT_ONCE}
    ).all():
        found = [{"id": row.id, "words": folded(row.text)} for row in rows]
        bind.execute(sa.text("UPDATE take SET search_text = :words WHERE id = :id"), found)
        last = rows[-1].id


def _make_search() -> None:
    """Make the index of words: each database has its own kind."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE INDEX ix_take_search ON take USING gin (to_tsvector('simple', search_text))")
        return
    op.execute(
        "CREATE VIRTUAL TABLE take_search "
        "USING fts5(search_text, voice, content='take', content_rowid='id', prefix='2 3')"
    )
    op.execute("INSERT INTO take_search (take_search) VALUES ('rebuild')")
    new = "INSERT INTO take_search (rowid, search_text, voice) VALUES (new.id, new.search_text, new.voice)"
    old = (
        "INSERT INTO take_search (take_search, rowid, search_text, voice) "
        "VALUES ('delete', old.id, old.search_text, old.voice)"
    )
    op.execute(f"CREATE TRIGGER take_search_new AFTER INSERT ON take BEGIN {new}; END")
    op.execute(f"CREATE TRIGGER take_search_gone AFTER DELETE ON take BEGIN {old}; END")
    changed = "AFTER UPDATE OF search_text, voice ON take"
    op.execute(f"CREATE TRIGGER take_search_changed {changed} BEGIN {old}; {new}; END")
