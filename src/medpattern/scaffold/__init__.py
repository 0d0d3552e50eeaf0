"""`medpattern init`: a deployment repository made of the fleet that ships with medpattern."""
