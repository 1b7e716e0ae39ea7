"""`sadpath check`: find a service's error paths, report which of them leak, and name the exception object to blame."""
