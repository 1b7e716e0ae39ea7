"""The truth table: what each twin leaves behind, on every Python and on two Starlettes, held against its own word."""
