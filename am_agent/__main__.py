"""`python -m am_agent` is `am`. Knows nothing else."""

from am_agent.cli import main

main()
