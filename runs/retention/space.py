"""How much space the database file would give back to the disk."""

from django.db import connection

_SQLITE = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
_POSTGRESQL = """
    SELECT coalesce(sum(pg_total_relation_size(relid) * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0)), 0)
    FROM pg_stat_user_tables
"""


def reclaimable_bytes() -> int:
    """Return the bytes of free pages (SQLite), or an estimate of the bytes in dead rows (PostgreSQL)."""
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRESQL if connection.vendor == "postgresql" else _SQLITE)
        return int(cursor.fetchone()[0])


def vacuum() -> None:
    """Give the free space back to the disk. Blocks everybody else, and needs as much free disk as the data has."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL" if connection.vendor == "postgresql" else "VACUUM")
