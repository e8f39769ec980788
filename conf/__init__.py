"""The configuration: config.yaml and its groups. This file makes the folder the package `pinn.conf`."""
