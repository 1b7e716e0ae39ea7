"""Services that teams run, from the package index: what `sadpath check` finds in them, and how long it takes."""
