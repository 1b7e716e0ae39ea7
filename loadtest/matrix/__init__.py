"""How often `sadpath check` is right, on every variant of every twin: the confusion matrix of docs/check-matrix.md."""
