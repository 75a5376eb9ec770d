"""am_agent in the frameworks of others: one module for each, which translates types and does nothing else."""
