"""Table of the installation: one row."""

from sqlmodel import Field, SQLModel

#: The key of the only row, so that a second one is refused.
ONLY = 1


class Installation(SQLModel, table=True):
    """What is true of all processes of one database."""

    __tablename__ = "installation"

    id: int = Field(default=ONLY, primary_key=True)
    name: str = Field(max_length=40)
