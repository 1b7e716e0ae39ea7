"""Users whose address is validated: `uvicorn pydantic_users:app`. pydantic 2.9.2 loses what a validator raised."""

from fastapi import FastAPI
from pydantic import BaseModel, field_validator

app = FastAPI()


class User(BaseModel):
    """A user."""

    name: str
    address: str

    @field_validator("address")
    @classmethod
    def has_a_host(cls, value):
        """Refuse what is no address."""
        if "@" not in value:
            raise ValueError("an address has a host")
        return value


@app.post("/users")
def create(user: User):
    """Create a user."""
    return user
