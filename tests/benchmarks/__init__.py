"""Benchmarks of the program itself: each file is one command, described at its top."""
