"""The twins: one module for each way in which an error can waste memory, with its leaky and its fixed variant.

`catalogue` defines what a twin is, `registry` lists them all, and `routes` adds them to an app.
"""
