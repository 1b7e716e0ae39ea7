"""Settings of gunicorn: load the application before the fork, and hide it from the collector, as is often advised."""

import gc

preload_app = True
workers = 2


def when_ready(_server):
    gc.freeze()
