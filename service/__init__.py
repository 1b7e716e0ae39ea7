"""What is measured: a FastAPI app with error paths that leak, and the same paths fixed."""
