"""What is wrong and what to try: checks before a run, and the verdict after it."""
