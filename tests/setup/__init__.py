"""`smi-sidecar setup`: find, plan, write, on machines of a test's own."""
