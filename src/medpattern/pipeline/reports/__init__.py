"""What a reader of a result gets and gives: the FHIR report, and the verdict. Pure functions on data."""
