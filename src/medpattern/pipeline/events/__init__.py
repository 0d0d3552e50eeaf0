"""What travels: CloudEvents, the notifications of object stores, the event of a result. Pure functions on data."""
