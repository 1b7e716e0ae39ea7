"""`make trial`: what the lab does when it is killed, when the machine refuses, and when somebody attacks it."""
