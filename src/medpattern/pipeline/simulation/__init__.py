"""The X-ray machine: synthetic chest films of synthetic patients, drawn from a seed."""
