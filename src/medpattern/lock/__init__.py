"""What versions, revisions and tags stand for: the lock file, the registries' answers, promotion ring by ring."""
