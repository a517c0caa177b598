"""Z-AI: a self-hosted gateway for large language models, with spend caps that hold."""

__version__ = "0.1.0"
