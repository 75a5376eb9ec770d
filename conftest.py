"""What pytest leaves out where the frameworks or Triton are not installed. Knows no test."""

from importlib.util import find_spec

_NEEDS = {"am_agent/testing/langgraph_store.py": "langgraph", "am_agent/hopfield/tiles.py": "triton"}

collect_ignore = [path for path, package in _NEEDS.items() if find_spec(package) is None]
