"""From a cluster without Argo CD to one that Argo CD keeps as git has it."""
