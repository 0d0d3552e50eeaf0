"""Fleet -> the files of every cluster: the stages joined, with nothing written yet."""

from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.renderer import DEFAULT_TREE, RenderedCluster, Renderer

__all__ = ["DEFAULT_TREE", "RenderedApp", "RenderedCluster", "Renderer"]
