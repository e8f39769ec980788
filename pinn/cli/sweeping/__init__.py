"""What Hydra is given for sweeps: the job, the sweepers, and their registration."""
