"""`make chaos`: thousands of random faults and kills over a real system, and then all invariants are checked."""
