"""What every framework's tests need: nothing of theirs leaves the machine."""

import os

os.environ["LANGSMITH_TRACING"] = "false"
