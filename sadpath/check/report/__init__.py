"""What people and programs read of a check: terminals, JSON, JUnit, GitHub Actions, a page."""
