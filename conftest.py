"""What pytest leaves out where the frameworks are not installed. Knows no test."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("langgraph") else ["am_agent/testing/langgraph_store.py"]
