"""What runs inside the measured process.

The standard library only, and Python 3.9 or later, because this package is put into other people's processes. Nothing
here keeps an exception, a frame or a traceback alive from one call to the next.

No code of the process is called: objects are read by `objects`, through the slots of Python's own types. What the
interpreter calls by itself may run in the thread of the probe, since that collects garbage and imports: finalizers,
callbacks of weak references, `gc.callbacks`, import hooks and audit hooks. C code of extension types is trusted with
their `__sizeof__` and their references, as the collector trusts it.

Texts that leave are plain and cut: a name to 200 characters, as a message, the name of a file to 4,096, and what
holds an object to 1,000. Walks are bounded by objects and by time.
"""
