"""The waist of the solver: equations at points, and their least squares in the parameters."""
