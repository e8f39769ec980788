"""The solution file: its layout, written and read without torch."""
