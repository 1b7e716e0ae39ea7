"""Users with validated addresses: `uvicorn pydantic_users:app`. pydantic 2.9.2 hides its errors from the collector."""

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ValidationError, field_validator

app = FastAPI()


class Form(BaseModel):
    """What was typed."""

    name: str
    address: str


class User(Form):
    """A user."""

    @field_validator("address")
    @classmethod
    def has_a_host(cls, value):
        """Refuse what is no address."""
        if "@" not in value:
            raise ValueError("an address has a host")
        return value


@app.post("/users")
def create(form: Form):
    """Create a user."""
    try:
        return User(name=form.name, address=form.address)
    except ValidationError as error:
        problem = error  # a cycle: its traceback has this frame, and pydantic's error is not known to the collector
    raise HTTPException(409, problem.errors()[0]["msg"])
