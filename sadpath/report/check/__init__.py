"""Reports of a check: for terminals, programs (JSON), CI (JUnit, GitHub), and people (HTML)."""
