"""From films to the ONNX file that ships: networks, folds, thresholds, export; the only place that knows PyTorch."""
