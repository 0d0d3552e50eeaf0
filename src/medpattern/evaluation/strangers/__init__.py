"""Pictures that are no frontal chest film, drawn, cropped or altered: what the model's input gate has to refuse."""

from medpattern.evaluation.strangers.catalogue import FAMILIES, held_out, strangers, trained
from medpattern.evaluation.strangers.family import Family, Part, Picture, Stranger

__all__ = ["FAMILIES", "Family", "Part", "Picture", "Stranger", "held_out", "strangers", "trained"]
