"""Staff are told of results: who, in which words, by mail or webhook, until it has arrived."""
