"""The rendered tree: plan, write, prune, receipts."""
