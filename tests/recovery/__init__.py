"""Every failure has its ending: each row of the recovery table, and each fault of the field, on real parts."""
