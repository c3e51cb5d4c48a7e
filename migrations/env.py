"""How Alembic reaches database and models."""

from __future__ import annotations

from alembic import context
from sqlalchemy import JSON, Connection, TypeDecorator

from seechange_core.models import Base


def render_type(kind: str, value: object, autogenerate_context: object) -> str | bool:
    """Write the types of the models as plain types, so that a migration does not depend on later models."""
    if kind == "type" and isinstance(value, JSON):
        return "document"
    if kind == "type" and isinstance(value, TypeDecorator):
        return f"sa.{value.impl_instance!r}"
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_type,
        transactional_ddl=True,
    )
    context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    migrate(given)
else:
    from seechange_core.store.engine import make_engine, parse_url

    url = parse_url(context.get_x_argument(as_dictionary=True)["url"])
    with make_engine(url, foreign_keys=False).execution_options(writes=True).begin() as opened:
        migrate(opened)
