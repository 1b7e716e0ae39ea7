"""Descriptions of services: `uvicorn openapi_documents:app`. openapi-spec-validator 0.9.0 keeps each invalid one."""

from typing import Any, Literal

from fastapi import FastAPI, HTTPException
from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError
from pydantic import BaseModel

app = FastAPI()


class Document(BaseModel):
    """A description."""

    openapi: Literal["3.0.3"]
    info: dict[str, Any]
    paths: dict[str, Any]


@app.post("/documents")
def store(document: Document):
    """Store a description that is valid."""
    try:
        validate(document.model_dump())
    except OpenAPIValidationError as error:
        raise HTTPException(409, error.message) from error
