"""What runs inside the measured process.

The standard library only, and Python 3.9 or later, because this package is put into other people's processes. Nothing
here keeps an exception, a frame or a traceback alive from one call to the next.
"""
