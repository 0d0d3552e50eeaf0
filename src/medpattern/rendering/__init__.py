"""Fleet -> the files of every cluster: the stages joined, with nothing written before all is well."""
