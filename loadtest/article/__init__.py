"""The first article's experiment, again: one exception object and a factory, each in a fresh process."""
