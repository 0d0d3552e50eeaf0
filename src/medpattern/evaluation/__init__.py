"""How good a model is, measured on films: what is read, what is asked, what the figures are; without PyTorch."""
