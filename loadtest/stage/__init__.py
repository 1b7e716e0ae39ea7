"""What can be done to the lab on the live page, and the script that steps through it."""
