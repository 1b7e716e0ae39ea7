"""How we know: what the instrument finds in the lab, how often it is right, and what it costs."""
