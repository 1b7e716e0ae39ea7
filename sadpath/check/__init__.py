"""`sadpath check`: find a service's error paths, drive them, measure which of them leak, and name the object to blame."""
