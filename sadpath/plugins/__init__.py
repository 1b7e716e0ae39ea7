"""The instrument inside other tools: a module for each tool that it plugs into."""
