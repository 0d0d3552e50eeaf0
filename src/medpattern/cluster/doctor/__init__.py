"""What is wrong in a live cluster, and what to do: checks over one reading of its objects."""
