"""What Tappa does a second, and what that costs: ``python -m benches.run``. docs/benchmarks.md explains the figures."""
