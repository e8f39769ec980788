"""What is done while a run goes on."""
