"""Find the error paths of a service: from its OpenAPI description, or from the routes of the running app."""
