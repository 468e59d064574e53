"""`make chaos`: thousands of random faults and kills over a real system, and then a check of all invariants, to the last mail."""
