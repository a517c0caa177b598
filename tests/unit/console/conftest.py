"""The console stands on the control plane's stage."""

from tests.unit.edge.control.conftest import cast, stage, template

__all__ = ["cast", "stage", "template"]
