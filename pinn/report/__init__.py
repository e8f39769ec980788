"""Reports of finished runs, made from their solution files alone."""
