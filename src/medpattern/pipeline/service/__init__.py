"""`medpattern serve`: the Knative service that turns an event into exactly one result, and answers predictions."""
