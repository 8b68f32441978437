"""What people read: terminal tables, and the same figures as plain data for ``--json``."""
