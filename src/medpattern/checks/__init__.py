"""Checks on rendered objects: functions from objects to what is wrong with them."""
