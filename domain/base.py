"""What all values of the domain have in common."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
