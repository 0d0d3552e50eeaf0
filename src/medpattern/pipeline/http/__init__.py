"""What the stages that answer HTTP have in common."""
