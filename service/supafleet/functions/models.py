"""Tables of edge functions: a function answers with one bundle, which is a set of files under one digest."""

from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import JSON_TYPE


class Bundle(SQLModel, table=True):
    """Code of one function; it may wait here until the function is told to answer with it."""

    __tablename__ = "function_bundle"
    __table_args__ = (sa.UniqueConstraint("project_id", "slug", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    slug: str = Field(max_length=64)
    sha256: str = Field(max_length=64)
    entrypoint_path: str = Field(max_length=512)
    import_map_path: str | None = Field(default=None, max_length=512)
    static_patterns: list[Any] = Field(default_factory=list, sa_column=sa.Column(JSON_TYPE, nullable=False))
    size_bytes: int


class BundleFile(SQLModel, table=True):
    """One file of a bundle."""

    __tablename__ = "function_file"
    __table_args__ = (sa.UniqueConstraint("bundle_id", "path"),)

    id: int | None = Field(default=None, primary_key=True)
    bundle_id: int = Field(foreign_key="function_bundle.id")
    path: str = Field(max_length=512)
    content: bytes = Field(sa_type=sa.LargeBinary)


class EdgeFunction(SQLModel, table=True):
    """A function that answers calls; times are milliseconds since 1970, as the API tells them."""

    __tablename__ = "edge_function"
    __table_args__ = (sa.UniqueConstraint("project_id", "slug"),)

    id: str = Field(default_factory=lambda: str(uuid4()), primary_key=True, max_length=36)
    project_id: int = Field(foreign_key="project.id")
    slug: str = Field(max_length=64)
    name: str = Field(max_length=128)
    version: int
    verify_jwt: bool
    bundle_id: int = Field(foreign_key="function_bundle.id", index=True)
    created_at: int = Field(sa_type=sa.BigInteger)
    updated_at: int = Field(sa_type=sa.BigInteger)
