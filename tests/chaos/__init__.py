"""`make chaos`: thousands of random faults and kills over a real system, and then a reckoning to the last mail."""
