"""Reports: what is computed from the record of a run, or of the runs of a bench.

All of it is pure. Figures are drawn in `mpirender.plots`, files written in `mpirender.reporter`.
"""
