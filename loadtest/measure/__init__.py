"""What the measurements share: an estimate with its interval, the file of rows, the machine, how a long one runs."""
