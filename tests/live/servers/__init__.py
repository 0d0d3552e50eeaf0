"""What runs for these tests; ports, processes and certificates are those of tests/real."""
