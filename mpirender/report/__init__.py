"""Reports: what is computed from the record of a run, or of the runs of a bench; all pure."""
