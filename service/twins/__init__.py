"""The twins: one module for each way in which an error can waste memory, its leaky and its fixed code side by side.

`catalogue` says what a twin is, `registry` lists them all, and `routes` adds them to an app.
"""
