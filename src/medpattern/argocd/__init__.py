"""Applications, AppProjects and roots, and what the root applies beside them."""
