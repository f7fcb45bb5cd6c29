"""Triggers, written once for both databases."""

from collections.abc import Sequence

from sqlalchemy import Connection


def drop(connection: Connection, name: str, table: str) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        connection.exec_driver_sql(f"DROP TRIGGER {name} ON {table}")
        connection.exec_driver_sql(f"DROP FUNCTION {name}()")


def create(connection: Connection, head: str, does: Sequence[str]) -> None:
    """`head` as in `name AFTER INSERT ON table WHEN condition`; the statements know the rows as `new` and `old`."""
    body = "; ".join(does)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"CREATE TRIGGER {head} BEGIN {body}; END")
        return
    event, _, condition = head.partition(" WHEN ")
    name = event.split()[0]
    when = f"WHEN ({condition})" if condition else ""
    connection.exec_driver_sql(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$"
    )
    connection.exec_driver_sql(f"CREATE TRIGGER {event} FOR EACH ROW {when} EXECUTE FUNCTION {name}()")
