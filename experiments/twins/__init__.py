"""Every variant of every twin against what is expected of it: by exact rounds, and by `sadpath check`."""
